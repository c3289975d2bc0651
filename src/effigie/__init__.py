"""effigie: put a consenting person's face into video, and prove it."""

__version__ = "0.1.0"
