"""Errors are part of the interface: each says what happened, to which file, and what to do about it.

The command line prints the message as one line and exits with ``exit_code``; a traceback only with ``--debug``.
"""

from __future__ import annotations


class EffigieError(Exception):
    """Anything effigie can explain. Exit code 1.

    Attributes:
        told: whether another process, that works together with this one, has said it already.
    """

    exit_code = 1
    told = False


class UsageError(EffigieError):
    """The request itself cannot be right: a setting out of range, a contradiction. Exit code 2."""

    exit_code = 2


class RefusedError(EffigieError):
    """The consent gate said no. Exit code 3."""

    exit_code = 3


class ConsentError(RefusedError):
    """A consent record is forged, edited, damaged or of a newer version. Exit code 3."""


class Cancelled(EffigieError):
    """The caller asked a long call to stop; what was finished is kept. Exit code 130, as after Ctrl-C."""

    exit_code = 130


class BusyError(EffigieError):
    """Another process is writing the same output. Exit code 1."""


class PeerError(EffigieError):
    """Another of the processes that train together failed; this one ended with it."""

    def __init__(self, message: str, told: bool) -> None:
        super().__init__(message)
        self.told = told


class MediaError(EffigieError):
    """A clip, still or sound file cannot be read or written."""


class AssetError(EffigieError):
    """A pretrained file or sample is missing, damaged or cannot be fetched."""


class FaceSetError(EffigieError):
    """A face set is missing, damaged, empty, of a newer version, or holds the wrong people."""


class ModelError(EffigieError):
    """A model folder is missing, damaged, or of a newer version."""
