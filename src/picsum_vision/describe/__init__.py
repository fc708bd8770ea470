"""Being moved: the pixel measures."""
