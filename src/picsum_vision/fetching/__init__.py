"""Images of a list of URLs in this process, without Spark: the same engine that Spark's tasks run."""
