"""Tests of timecode by known values of SMPTE ST 12-1."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effigie.media.timecode import Timecode, shift_timecode

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("text", "rate", "frame"),
    [
        ("00:00:00:00", Fraction(25), 0),
        ("01:00:00:00", Fraction(24), 86400),
        ("01:00:00:00", Fraction(24000, 1001), 86400),
        ("00:01:00;02", NTSC, 1800),  # ;00 and ;01 are dropped
        ("00:10:00;00", NTSC, 17982),
        ("01:00:00;00", NTSC, 107892),
        ("00:01:00;04", Fraction(60000, 1001), 3600),
    ],
)
def test_known_values(text, rate, frame):
    assert Timecode.parse(text, rate).frame == frame
    assert str(Timecode.parse(text, rate)) == text


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 107892 * 24 - 1), st.integers(0, 500_000))
def test_drop_frame_comes_back(frame, later):
    code = Timecode(frame, 30, drop=True)
    assert Timecode.parse(str(code), NTSC) == code
    assert Timecode.parse(str(code + later), NTSC).frame == (frame + later) % (107892 * 24)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("10:00:00:25", Fraction(25)), ("24:00:00:00", Fraction(25)), ("00:00:00;00", Fraction(25)), ("x", Fraction(25))],
)
def test_what_is_no_timecode(text, rate):
    with pytest.raises(ValueError):
        Timecode.parse(text, rate)
    assert shift_timecode(text, rate, Fraction(1)) is None


def test_midnight():
    assert shift_timecode("23:59:59:24", Fraction(25), Fraction(1, 25)) == "00:00:00:00"
