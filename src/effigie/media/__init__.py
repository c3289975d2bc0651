"""Pictures in and out of files.

Reads and writes video, animations, stills and sequences with exact times, upright, in the clip's own colours,
and carries sound through untouched. Nothing that knows what a picture shows may enter: no faces, no networks.
"""

from effigie.media.clip import Audio, ClipInfo, Colour, Frame
from effigie.media.pictures import read_still
from effigie.media.probe import probe
from effigie.media.reader import Reader
from effigie.media.settings import EncodeSettings
from effigie.media.sources import expand
from effigie.media.writer import Writer

__all__ = [
    "Audio",
    "ClipInfo",
    "Colour",
    "EncodeSettings",
    "Frame",
    "Reader",
    "Writer",
    "expand",
    "probe",
    "read_still",
]
