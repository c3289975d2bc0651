"""Exceptions of effigie: each message says what happened, to which file, and what to do about it.

The command line prints the message as one line and exits with ``exit_code``; a traceback only with ``--debug``.
"""

from __future__ import annotations


class EffigieError(Exception):
    """Base class of all errors that effigie raises on purpose. Exit code 1.

    Attributes:
        is_reported: whether another process of the same training has printed the message already.
    """

    exit_code = 1
    is_reported = False


class UsageError(EffigieError):
    """The request is invalid: a setting out of range, a contradiction. Exit code 2."""

    exit_code = 2


class RefusedError(EffigieError):
    """The consent gate refused the request. Exit code 3."""

    exit_code = 3


class ConsentError(RefusedError):
    """A consent record is forged, edited, damaged or of a newer version. Exit code 3."""


class CancelledError(EffigieError):
    """The caller cancelled a long call; finished work is kept. Exit code 130, as after Ctrl-C."""

    exit_code = 130


class OutputLockedError(EffigieError):
    """Another process is writing the same output. Exit code 1."""


class DistributedError(EffigieError):
    """Another process of a distributed training failed, and this one stopped with it."""

    def __init__(self, message: str, is_reported: bool) -> None:
        super().__init__(message)
        self.is_reported = is_reported


class MediaError(EffigieError):
    """A clip, still or sound file cannot be read or written."""


class AssetError(EffigieError):
    """A pretrained file or sample is missing, damaged or cannot be fetched."""


class FaceSetError(EffigieError):
    """A face set is missing, damaged, empty, of a newer version, or holds the wrong people."""


class ModelError(EffigieError):
    """A model folder is missing, damaged, or of a newer version."""
