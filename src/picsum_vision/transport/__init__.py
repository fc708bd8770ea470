"""HTTP as both the downloader and the model client need it: sessions that stay warm, foreign errors in our words, Retry-After."""
