"""Where the components of a decoded picture lie in its planes, for every format whose samples can be edited."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

Model = Literal["yuv", "rgb", "gray"]
Samples = NDArray[Any]

# Components in the order in which FFmpeg describes them; in memory packed formats have the order of their name.
_PACKED = re.compile(
    r"^(?:rgb24|bgr24|rgba|bgra|argb|abgr|rgb0|bgr0|0rgb|0bgr|(?:rgb|bgr)48le|(?:rgba|bgra)64le|ya8|ya16le)$"
)
_PLANAR = re.compile(r"^(?:yuvj?4\d\dp|yuva4\d\dp|gbra?p|gray)(?:\d+le)?$")
_SEMI_PLANAR = re.compile(r"^(?:nv12|nv21|nv16|nv24|nv42|p[024]1[026]le)$")
# The same samples in another arrangement; what is not here is converted to RGB of its depth.
_REARRANGED = {"yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p", "uyyvyy411": "yuv411p"}
_REARRANGED |= {"y210le": "yuv422p10le", "y212le": "yuv422p12le", "nv20le": "yuv422p10le", "pal8": "rgba"}
_REARRANGED |= {"vuya": "yuva444p", "vuyx": "yuv444p", "vyu444": "yuv444p", "ayuv64le": "yuva444p16le"}
_REARRANGED |= {
    "xv30le": "yuv444p10le",
    "v30xle": "yuv444p10le",
    "xv36le": "yuv444p12le",
    "monob": "gray",
    "monow": "gray",
}


@dataclass(frozen=True)
class _Place:
    """Where the samples of one component lie: a plane, the first sample of a row, and the step to the next."""

    plane: int
    first: int
    step: int


@dataclass(frozen=True)
class PixelLayout:
    """A pixel format whose components can be viewed as arrays.

    Attributes:
        name: FFmpeg's name of the format.
        model: what the components are.
        components: a letter each: ``y``, ``u``, ``v``, ``r``, ``g``, ``b``, and ``a`` for alpha.
        bits: of a sample's value.
        shift: unused bits below the value.
        across, down: pixels for one color sample.
        is_float: samples are float32, of which 1 is white; ``bits`` are those of integers that are as fine.
    """

    name: str
    model: Model
    components: str
    bits: int
    shift: int
    across: int
    down: int
    _places: tuple[_Place, ...]
    is_float: bool = False

    @property
    def has_alpha(self) -> bool:
        return "a" in self.components

    @property
    def dtype(self) -> np.dtype[Any]:
        if self.is_float:
            return np.dtype("<f4")
        return np.dtype("u1") if self.bits + self.shift <= 8 else np.dtype("<u2")

    @property
    def max_value(self) -> int:
        return 1 if self.is_float else (1 << self.bits) - 1

    def view(self, frame: VideoFrame, component: str) -> Samples:
        """The samples of one component, (h, w) uint8 or uint16, sharing the frame's memory.

        Values lie ``shift`` bits up. Writable only if the frame is.
        """
        place = self._places[self.components.index(component)]
        width, height = frame.width, frame.height
        if component in "uv":
            width, height = -(-width // self.across), -(-height // self.down)
        plane = frame.planes[place.plane]
        rows = np.frombuffer(plane, self.dtype).reshape(plane.height, plane.line_size // self.dtype.itemsize)  # type: ignore[call-overload]
        return rows[:height, place.first : place.first + place.step * width : place.step]


# Of pictures whose files hold floats. No decoder of video gives such frames, and FFmpeg would take them for gamma.
SCENE_LAYOUT = PixelLayout(
    "gbrpf32le", "rgb", "rgb", 16, 0, 1, 1, (_Place(2, 0, 1), _Place(0, 0, 1), _Place(1, 0, 1)), is_float=True
)


@functools.cache
def find_layout(name: str) -> PixelLayout | None:
    """The layout of a pixel format, None where its samples cannot be viewed as they are."""
    form = VideoFormat(name, 16, 16)
    parts = form.components
    packed, semi = bool(_PACKED.match(name)), bool(_SEMI_PLANAR.match(name))
    if not (packed or semi or _PLANAR.match(name)) or parts[0].bits > 16:
        return None
    letters = "rgba" if form.is_rgb else "yuva" if len(parts) > 2 else "ya"
    if packed:
        memory = name if "0" in name else re.sub(r"\d|le$", "", name)  # the 0 of rgb0 is an unused sample
        places = tuple(_Place(0, memory.index(letter), len(memory)) for letter in letters[: len(parts)])
    elif semi:
        swapped = name in ("nv21", "nv42")
        places = (_Place(0, 0, 1), _Place(1, int(swapped), 2), _Place(1, int(not swapped), 2))
    else:
        places = tuple(_Place(part.plane, 0, 1) for part in parts)
    bits = parts[0].bits
    return PixelLayout(
        name=name,
        model="rgb" if form.is_rgb else "yuv" if len(parts) > 2 else "gray",
        components=letters[: len(parts)],
        bits=bits,
        shift=16 - bits if semi and bits > 8 else 0,
        across=16 // form.chroma_width(16),
        down=16 // form.chroma_height(16),
        _places=places,
    )


@functools.cache
def find_editable_format(name: str) -> str:
    """The format with a layout that holds the samples of ``name``: itself, or a rearrangement of it."""
    if find_layout(name) is not None:
        return name
    if name in _REARRANGED:
        return _REARRANGED[name]
    if name.endswith("be") and find_layout(little := f"{name[:-2]}le") is not None:
        return little
    form = VideoFormat(name, 16, 16)
    deep, alpha = max(part.bits for part in form.components) > 8, any(part.is_alpha for part in form.components)
    return {(False, False): "gbrp", (False, True): "gbrap", (True, False): "gbrp16le", (True, True): "gbrap16le"}[
        deep, alpha
    ]


def to_editable(frame: VideoFrame) -> VideoFrame:
    """The frame itself, or with the same samples in a format that has a layout, its rows from top to bottom."""
    name, own = find_editable_format(frame.format.name), frame.format.name
    if name == own and all(plane.line_size > 0 for plane in frame.planes):
        return frame
    if name == own:  # rows from the bottom up, as of raw AVI: planes of their own are from the top
        name = {"bgr24": "gbrp", "rgb24": "gbrp", "bgra": "gbrap", "rgba": "gbrap", "bgr0": "gbrp"}.get(name, name)
    return VideoReformatter().reformat(frame, format=name, threads=1)
