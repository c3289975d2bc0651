"""Small files to sign, and the readings of an independent C2PA reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import c2pa
import cv2
import numpy as np

from effigie.media import SoundWriter, read_sound
from effigie.provenance.c2pa.credentials import Claim

KINDS = ("mp4", "mov", "m4v", "png", "jpg", "wav", "mp3", "flac", "m4a")
SOUND_SUFFIXES = (".wav", ".mp3", ".flac", ".m4a")
CLAIM = Claim(
    output_id="00aabbccddee",
    command="convert",
    title="out.mp4",
    model_hash="ab" * 32,
    consents=("c-0123456789abcdef",),
    watermarked=True,
)


def picture(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    """(H, W, 3) uint8 noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def make(path: Path, seed: int = 0) -> Path:
    """A still, a clip of a few frames or a fifth of a second of noise, by the suffix of ``path``."""
    if path.suffix in (".png", ".jpg"):
        cv2.imwrite(str(path), picture(seed))
        return path
    if path.suffix in SOUND_SUFFIXES:
        noise = np.random.default_rng(seed).uniform(-0.3, 0.3, (1, 4800)).astype(np.float32)
        with SoundWriter(path, 24000) as writer:
            writer.write(noise)
        return path
    with av.open(str(path), "w", format="mp4" if path.suffix == ".m4v" else None) as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(seed + frame), format="rgb24")))
        container.mux(stream.encode())
    return path


def decoded(path: Path) -> list[np.ndarray]:
    """Every frame, RGB; of sound its samples."""
    if path.suffix in SOUND_SUFFIXES:
        return [read_sound(path, 24000).samples]
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def independent(path: Path, manifest: bytes | None = None) -> dict[str, Any]:
    """The reading of the C2PA library, with its own settings, without network access."""
    settings = {"version": 1, "verify": {"remote_manifest_fetch": False}}
    with (
        c2pa.Context.from_json(json.dumps(settings)) as context,
        path.open("rb") as stream,
        c2pa.Reader(None, stream, manifest, context) as reader,
    ):
        return json.loads(reader.json())


def assertions(store: dict[str, Any]) -> dict[str, Any]:
    """Label → data of the active manifest."""
    active = store["manifests"][store["active_manifest"]]
    return {assertion["label"]: assertion["data"] for assertion in active["assertions"]}


def flipped(path: Path, positions: list[int], bit: int, name: str) -> Path:
    """A copy with one bit changed at each of the positions."""
    data = bytearray(path.read_bytes())
    for position in positions:
        data[position] ^= 1 << bit
    copy = path.with_name(f"{name}{path.suffix}")
    copy.write_bytes(data)
    return copy
