"""An image to a description or a typed answer. Knows neither Spark nor how images are fetched."""
