"""Servers to try things out and to test against: an image host like Lorem Picsum and a model endpoint, both with faults."""
