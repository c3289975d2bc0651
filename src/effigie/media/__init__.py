"""Pictures in and out of files.

Reads and writes video, animations, stills and sequences with exact times, upright, in the clip's own colours,
and carries sound through untouched. Nothing that knows what a picture shows may enter: no faces, no networks.
"""

from effigie.media.clip import Audio, ClipInfo, Color, Frame
from effigie.media.config import EncodeSettings
from effigie.media.images import read_still
from effigie.media.inputs import expand
from effigie.media.probe import probe
from effigie.media.reader import Reader
from effigie.media.writer import Writer

__all__ = [
    "Audio",
    "ClipInfo",
    "Color",
    "EncodeSettings",
    "Frame",
    "Reader",
    "Writer",
    "expand",
    "probe",
    "read_still",
]
