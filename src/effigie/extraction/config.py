"""Settings of extraction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from effigie.errors import UsageError
from effigie.media.config import FootageSettings


@dataclass(frozen=True)
class ExtractSettings:
    """Settings of :func:`effigie.extract`.

    Attributes:
        size: side of the stored crops in pixels; None takes what the faces of the clips have, 256 to 512.
        frame_interval: keep every n-th frame; 1 keeps all.
        min_face_size: faces whose crop is smaller than this many pixels in the frame are left out.
        stills: the pictures of a folder are unrelated photos: nobody is followed from one to the next.
        quality: JPEG quality of the crops, 1..100.
        footage: what a sequence of pictures does not say itself.
        workers: clips or parts of them at a time; None takes every available core, of a cluster too.
        engine: ``local``: processes of this machine; ``ray``, ``ray://host:port``, ``ray://auto``: Ray.
        retries: how often a clip that failed is tried again, after all the others.
    """

    size: int | None = None
    frame_interval: int = 1
    min_face_size: int = 40
    stills: bool = False
    quality: int = 95
    footage: FootageSettings = field(default_factory=FootageSettings)
    workers: int | None = None
    engine: str = "local"
    retries: int = 1

    def __post_init__(self) -> None:
        if self.size is not None and not 64 <= self.size <= 1024:
            raise UsageError(f"size must be 64 to 1024 pixels, not {self.size}")
        if self.frame_interval < 1:
            raise UsageError(f"every must be 1 or more, not {self.frame_interval}")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"quality must be 1 to 100, not {self.quality}")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"workers must be 1 or more, not {self.workers}")
        if self.retries < 0:
            raise UsageError(f"retries must be 0 or more, not {self.retries}")

    @property
    def crop_size(self) -> int:
        """Side of the crops, once it has been decided."""
        if self.size is None:
            raise ValueError("the crop size is not decided yet")
        return self.size

    def to_json(self) -> dict[str, Any]:
        """Settings that the face set stores: all that change its rows; ``size`` must be decided."""
        return {
            "crop_size": self.crop_size,
            "every": self.frame_interval,
            "smallest": self.min_face_size,
            "stills": self.stills,
            "quality": self.quality,
        }
