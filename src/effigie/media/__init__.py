"""Reads and writes video, animations, stills and picture sequences, and sound by itself.

Times are exact, pictures upright and in the clip's own colours, and the sound of video is copied unchanged.
Nothing that knows what a picture shows may enter: no faces, no networks.
"""

from typing import TYPE_CHECKING

from effigie._renamed import explain_renamed
from effigie.media.clip import AudioInfo, ClipInfo, ColorSpace, Frame
from effigie.media.config import EncodeSettings, FootageSettings
from effigie.media.inputs import expand_paths
from effigie.media.output.plan import OutputPlan, plan_output
from effigie.media.pictures.reader import read_still
from effigie.media.probe import probe
from effigie.media.reader import VideoReader
from effigie.media.sound.reader import Sound, read_sound, stream_sound
from effigie.media.sound.writer import SoundSettings, SoundWriter
from effigie.media.writer import VideoWriter

__all__ = [
    "AudioInfo",
    "ClipInfo",
    "ColorSpace",
    "EncodeSettings",
    "FootageSettings",
    "Frame",
    "OutputPlan",
    "Sound",
    "SoundSettings",
    "SoundWriter",
    "VideoReader",
    "VideoWriter",
    "expand_paths",
    "plan_output",
    "probe",
    "read_sound",
    "read_still",
    "stream_sound",
]

if not TYPE_CHECKING:
    __getattr__ = explain_renamed(__name__)
