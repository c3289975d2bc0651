"""The pixel format in which footage is encoded: its own where the encoder has it, else the one that loses least."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from av.codec import Codec
from av.video.format import VideoFormat

from effigie.media.clip import ClipInfo
from effigie.media.output.encoders import Encoder
from effigie.media.samples.pixel_layout import find_layout


@dataclass(frozen=True)
class _Content:
    """What a format can hold."""

    is_rgb: bool
    has_color: bool
    has_alpha: bool
    bits: int
    across: int
    down: int


def choose_pixel_format(encoder: Encoder, info: ClipInfo, request: str) -> str:
    """The format to encode a clip in.

    Args:
        request: a format of :data:`~effigie.media.config.PIXEL_FORMATS`; ``auto`` is the clip's own. Pictures in RGB
            become 4:2:0, which every player shows, unless the encoder holds RGB or transparency that they have.
    """
    available = encoder.pixel_formats or _list_formats(encoder.name)
    if request != "auto":
        return (
            request if request in available else min(available, key=lambda name: _count_loss(_describe(request), name))
        )
    content = _describe(info.pixel_format)
    is_plain = encoder.name in ("libx264", "libx265")
    if is_plain and (not content.has_color or (content.is_rgb and (info.kind != "video" or encoder.name == "libx264"))):
        content = _Content(False, True, False, content.bits, 2, 2)
    return min(available, key=lambda name: _count_loss(content, name))


def describe_losses(source: str, target: str, kind: str) -> list[str]:
    """What a format cannot hold of another, a sentence each.

    Args:
        kind: of the clip. That RGB pictures become 4:2:0 video is not said: it is what a video of them is.
    """
    source_content, target_content = _describe(source), _describe(target)
    losses = []
    if target_content.bits < source_content.bits:
        losses.append(f"{source_content.bits}-bit pictures were written with {target_content.bits} bits")
    if source_content.is_rgb and not target_content.is_rgb and kind == "video":
        losses.append(f"RGB was written as {target}, which rounds colors: --codec ffv1 (.mkv) keeps RGB")
    elif (
        not source_content.is_rgb
        and (target_content.across > source_content.across or target_content.down > source_content.down)
        and source_content.has_color
    ):
        losses.append(f"the color detail of {source} was written as {target}: --pixel-format auto keeps it")
    return losses


def _count_loss(content: _Content, name: str) -> tuple[int, ...]:
    """How much of a content a format loses, the worst first, then how much room it wastes."""
    target = _describe(name)
    losses = (
        content.has_color and not target.has_color,
        content.has_alpha and not target.has_alpha,
        max(0, content.bits - target.bits),
        max(0, target.across - content.across) + max(0, target.down - content.down),
        content.is_rgb and not target.is_rgb,
    )
    waste = (
        not content.is_rgb and target.is_rgb,
        max(0, target.bits - content.bits),
        max(0, content.across * content.down - target.across * target.down),
        not content.has_alpha and target.has_alpha,
        not content.has_color and target.has_color,
        target.across != content.across,
    )
    return tuple(int(count) for count in (*losses, *waste))


@functools.cache
def _list_formats(encoder: str) -> tuple[str, ...]:
    """The encoder's formats whose samples can be edited, without the full-range names of 4:2:x (yuvj...)."""
    names = [form.name for form in Codec(encoder, "w").video_formats or ()]
    # x264 and x265 write grey as a format of its own that few players show; with neutral color the picture is the same.
    # Alpha of x265 is a second layer, which FFmpeg itself does not decode.
    special = ("gray", "yuva") if encoder in ("libx264", "libx265") else ()
    return tuple(name for name in names if find_layout(name) and not name.startswith(("yuvj", "nv", *special)))


@functools.cache
def _describe(name: str) -> _Content:
    form = VideoFormat(name, 16, 16)
    parts = form.components
    colors = [part for part in parts if not part.is_alpha]
    return _Content(
        is_rgb=form.is_rgb or form.has_palette,
        has_color=form.has_palette or len(colors) > 1,
        has_alpha=any(part.is_alpha for part in parts),
        bits=8 if form.has_palette else max(part.bits for part in parts),
        across=16 // form.chroma_width(16),
        down=16 // form.chroma_height(16),
    )
