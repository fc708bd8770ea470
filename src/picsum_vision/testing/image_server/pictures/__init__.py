"""The pictures that the image server sends: which there are, what they show, how they are encoded."""
