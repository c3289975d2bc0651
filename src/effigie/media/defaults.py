"""Standard defaults of what a stream leaves unsaid: the only place where an absent value becomes one.

Containers say "unspecified" in many ways: a code point 2, a sample aspect of 0:1, a channel count without a layout, a
frame rate of 0. None of these is a value, and code that computes with one fails, often at the end of the work. So each
is replaced here, on reading, by what the standards and players take. What is assumed is not written into the output as
a declaration: a player that assumes otherwise then errs on the output exactly as on the input. Primaries and transfer
stay unspecified, for nothing is computed with them; the range goes with the pixel format
(:mod:`effigie.media.samples.color`).

===================  ========================================================  ==============================
unsaid               default                                                   by
===================  ========================================================  ==============================
matrix               SD (fewer than 720 lines) bt601, else bt709               ITU-R BT.601, BT.709; players
pixel aspect         1                                                         ISO 14496-12, H.264 annex E
frame rate           25 frames a second, for what must have one                effigie
layout of sound      mono, stereo, 2.1, 4.0, 5.0, 5.1, 6.1, 7.1 by channels    libavutil, WAVEFORMATEXTENSIBLE
rate of sound        48000 Hz                                                  SMPTE, AES5
===================  ========================================================  ==============================
"""

from __future__ import annotations

from fractions import Fraction

HD_LINES = 720
FRAME_RATE = Fraction(25)  # frames a second
SAMPLE_RATE = 48000  # Hz
MAX_PIXEL_ASPECT = 100  # beyond this, either way, a header is damaged: CinemaScope is 2, half-height fields are 2
MAX_FRAME_RATE = 1000  # frames a second; a container that claims more is not believed

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def choose_matrix(height: int) -> str:
    """Matrix by the number of lines."""
    return "bt709" if height >= HD_LINES else "bt601"


def choose_pixel_aspect(*declared: Fraction | None) -> Fraction:
    """The first aspect (width over height) that is one; 1 if none is."""
    for aspect in declared:
        if aspect and Fraction(1, MAX_PIXEL_ASPECT) <= aspect <= MAX_PIXEL_ASPECT:
            return Fraction(aspect)
    return Fraction(1)


def choose_rate(*declared: Fraction | None) -> Fraction | None:
    """The first frame rate that is one, frames a second; None if none is: pictures without times of their own."""
    return next((Fraction(rate) for rate in declared if rate and 0 < rate <= MAX_FRAME_RATE), None)


def choose_layout(declared: str, channels: int) -> str:
    """Name of a channel layout; ``declared`` itself where it names speakers.

    Raises:
        ValueError: there is no standard layout of so many channels.
    """
    # "2 channels" is how libavutil prints a count without a layout; "unknown" and "" occur with broken headers.
    if declared and declared != "unknown" and not declared.endswith("channels"):
        return declared
    if channels not in LAYOUTS:
        raise ValueError(f"{channels} channels without a layout")
    return LAYOUTS[channels]


def choose_sample_rate(declared: int) -> int:
    """Samples a second; ``declared`` itself where it is a rate."""
    return declared if declared > 0 else SAMPLE_RATE
