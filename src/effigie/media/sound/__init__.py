"""Sound by itself: read by blocks, written to its own files, or beside pictures that were made."""
