"""Goldens: hashes of what effigie computes from the pip samples, to show that a change of code changes no result.

    python -m benchmarks.goldens record before.json      # with the code before
    python -m benchmarks.goldens compare before.json     # with the code after, on the same machine

Hashes differ between processors and versions of libraries: compare on one machine, in one environment.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FRAMES = 96  # of the sample woman
TRAIN = ("--steps", "6", "--batch", "4", "--seed", "0", "--precision", "fp32", "--device", "cpu")
ANY = {"issuer", "time", "consents", "records", "model_hash", "file_sha256"}
"""Members of a verification report that differ between runs: clocks, and keys that are made anew with their records."""


def digest(*parts: bytes) -> str:
    """Sixteen hex digits of the SHA-256 of some bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:16]


def effigie(folder: Path, *arguments: object) -> str:
    """Run the command line in a process whose output id is known; its standard output."""
    output_id = digest(repr(arguments[-1]).encode())[:12]
    program = (
        f"import secrets, sys\nsecrets.token_hex = lambda count: {output_id!r}\nfrom effigie.cli import main\nmain()\n"
    )
    command = [sys.executable, "-c", program, *map(str, arguments)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"effigie {' '.join(map(str, arguments))} failed:\n{ended.stderr}")
    return ended.stdout


def cut_clip(clip: Path, target: Path, frames: int) -> Path:
    """The first frames of a clip, encoded again nearly without loss."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        video = source.streams.video[0]
        rate = video.average_rate or Fraction(25)
        stream = output.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "8", "g": "12", "threads": "1"}
        for index, frame in enumerate(source.decode(video=0)):
            if index >= frames:
                break
            picture = av.VideoFrame.from_ndarray(frame.to_ndarray(format="yuv420p"), format="yuv420p")
            picture.pts, picture.time_base = index, 1 / rate
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return target


def hash_columns(face_set: Path) -> dict[str, str]:
    """The hash of every column of a face set, over all its parts."""
    import pyarrow.parquet as parquet

    tables = [parquet.read_table(path) for path in sorted(face_set.glob("*.parquet"))]
    return {
        name: digest(*(repr(table[name].to_pylist()).encode() for table in tables)) for name in tables[0].column_names
    }


def hash_frames(clip: Path) -> list[str]:
    """The hash of every decoded frame."""
    with av.open(str(clip)) as container:
        return [digest(frame.to_ndarray(format="yuv420p").tobytes()) for frame in container.decode(video=0)]


def hash_tensors(path: Path) -> dict[str, str]:
    """The hash of every tensor of a safetensors file."""
    from safetensors.numpy import load_file

    return {name: digest(np.ascontiguousarray(array).tobytes()) for name, array in sorted(load_file(path).items())}


def remove_volatile_fields(value: Any) -> Any:
    """A report without what differs between runs."""
    if isinstance(value, dict):
        return {name: remove_volatile_fields(one) for name, one in value.items() if name not in ANY}
    if isinstance(value, list):
        return [remove_volatile_fields(one) for one in value]
    return value


def compute_goldens(folder: Path) -> dict[str, Any]:
    """Everything that is compared, made in an empty folder."""
    from effigie.assets import fetch_asset

    os.environ |= {"EFFIGIE_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    man, woman = (fetch_asset("sample_man"), cut_clip(fetch_asset("sample_woman"), folder / "woman.mp4", FRAMES))
    effigie(folder, "extract", man, "-o", "man.faces")
    effigie(folder, "extract", woman, "-o", "woman.faces")
    grant = ("--basis", "sample", "--uses", "swap,animate")
    effigie(folder, "consent", "new", "W", "--photo", woman, *grant, "-o", "woman.consent.json")
    sets = ("--source", "woman.faces", "--target", "man.faces", "--consent", "woman.consent.json")
    effigie(folder, "train", *sets, *TRAIN, "-o", "model")
    effigie(folder, "convert", "model", man, "-o", "swap.mp4")
    effigie(folder, "convert", "model", man, "-o", "fast.mp4", "--fast", "--frames", 24)
    heads = ("animate", woman, "--driver", man, "--consent", "woman.consent.json")
    effigie(folder, *heads, "-o", "animation.mp4")
    effigie(folder, *heads, *GEOMETRY, "-o", "geometry.mp4")
    return {
        "face set, man": hash_columns(folder / "man.faces"),
        "face set, woman": hash_columns(folder / "woman.faces"),
        "model": hash_tensors(folder / "model" / "swap.safetensors"),
        "conversion": hash_frames(folder / "swap.mp4"),
        "conversion, fast": hash_frames(folder / "fast.mp4"),
        "animation": hash_frames(folder / "animation.mp4"),
        "animation, geometry": hash_frames(folder / "geometry.mp4"),
        "verify": remove_volatile_fields(json.loads(effigie(folder, "verify", "swap.mp4", "--json"))),
    }


GEOMETRY = ("--renderer", "geometry")


def main() -> int:
    """Exit code 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="effigie-goldens-") as made:
        found = compute_goldens(Path(made))
    if options.what == "record":
        options.file.write_text(json.dumps(found, indent=1), "utf-8")
        print(f"{options.file}: {len(found)} goldens")
        return 0
    wanted, differing = json.loads(options.file.read_text("utf-8")), 0
    for name, value in wanted.items():
        same = found.get(name) == remove_volatile_fields(value)
        differing += not same
        print(f"{name}: {len(value)} hashes, {'identical' if same else 'DIFFERENT'}")
        if not same:
            print(f"  before {value}\n  now    {found.get(name)}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
