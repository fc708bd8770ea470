"""One URL to bytes and an outcome, many at once. Knows neither Spark nor Arrow nor how images are described."""
