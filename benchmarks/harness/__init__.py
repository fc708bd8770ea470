"""What measures: rounds, processes, CPU and memory, ratios, results, the page."""
