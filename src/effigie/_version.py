"""The version of the package; written into models, manifests and credentials."""

__version__ = "0.1.0"
