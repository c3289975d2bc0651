"""Speech in sound: what is said and when, and features of it. Knows no faces and no voices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from effigie.speech.encoder import encode
    from effigie.speech.recognizer import Word, recognize

__all__ = ["Word", "encode", "recognize"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"encoder": ["encode"], "recognizer": ["Word", "recognize"]}
)
