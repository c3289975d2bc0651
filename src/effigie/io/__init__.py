"""Files: written whole or not at all, locked by one writer, local or behind fsspec, tensors with a digest.

Nothing that knows what a file holds may enter.
"""
