"""Text subtitles rewritten from one container's codec to another's: the words and their times, without styles."""

from __future__ import annotations

import re

ASS_FIELDS = 8  # commas before the text of an ASS event
MAX_TEXT_BYTES = 65_535  # of a mov_text sample, whose length has two bytes

# What FFmpeg's mov_text encoder makes its sample description of: a plain white style.
ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def read_text(payload: bytes, codec: str) -> str:
    """Plain text of one packet of a text subtitle codec; empty where nothing is shown."""
    if codec == "mov_text":
        length = int.from_bytes(payload[:2], "big")
        return payload[2 : 2 + length].decode("utf-8", "replace").replace("\r", "\n").strip()
    text = payload.decode("utf-8", "replace")
    if codec in ("ass", "ssa"):
        text = text.split(",", ASS_FIELDS)[-1]
        text = re.sub(r"\{[^}]*\}", "", text).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    else:
        text = re.sub(r"</?[a-zA-Z][^>]*>", "", text)
    return text.replace("\r\n", "\n").strip()


def write_text(text: str, codec: str) -> bytes:
    """One packet of ``codec`` (mov_text or subrip) with a plain text."""
    data = text.encode("utf-8")
    if codec != "mov_text":
        return data
    data = data[:MAX_TEXT_BYTES]
    return len(data).to_bytes(2, "big") + data
