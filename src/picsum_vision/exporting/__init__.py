"""Images and their columns in the files that other image tools read, written by Spark's tasks."""
