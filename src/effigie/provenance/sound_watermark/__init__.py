"""Invisible mark of sound: the same 48-bit output id as in pictures, in the levels of narrow bands over short times.

Its key is public, as that of pictures.
"""

from effigie.provenance.sound_watermark.detector import DetectedSoundMark, detect, detect_file
from effigie.provenance.sound_watermark.embedder import SoundMarker

__all__ = ["DetectedSoundMark", "SoundMarker", "detect", "detect_file"]
