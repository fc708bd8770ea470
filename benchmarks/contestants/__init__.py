"""Who is measured. Each module is run as a process and spoken to by lines of JSON: see :mod:`benchmarks.contestants.protocol`."""
