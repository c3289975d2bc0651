"""`python -m benchmarks.collect_styles FOLDER`: how ``voice/shipped/styles.safetensors`` was made.

FOLDER is ``voices/`` of the npm package ``kokoro-js`` 1.2.1 (Apache-2.0): the styles of Kokoro-82M's voices, 510 for
sentences of so many phonemes. Of each some are kept, between which styles change evenly. Voices that bear names of
commercial services are left out. Stock voices are means over all English ones of a kind, so that they are nobody's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from effigie.voice.stock_names import BLENDS
from effigie.voice.stock_voices import STYLES_FILE

COUNTS = np.array([1, 4, 8, 14, 22, 32, 46, 64, 90, 130, 190, 280, 400, 510])
LEFT_OUT = {"alloy", "echo", "fable", "nova", "onyx"}
NOVELTIES = {"nicole", "santa"}  # a whisper, a character: no part of a mean
KINDS = ("af", "am", "bf", "bm")  # American and British, women and men


def main(folder: Path) -> None:
    """Write the shipped file."""
    voices = {}
    for path in sorted(folder.glob("*.bin")):
        kind, _, name = path.stem.partition("_")
        if kind in KINDS and name not in LEFT_OUT:
            voices[path.stem] = np.fromfile(path, np.float32).reshape(-1, 256)[COUNTS - 1]
    for name, kind in BLENDS.items():
        parts = [styles for voice, styles in voices.items() if voice[:2] == kind and voice[3:] not in NOVELTIES]
        voices[name] = np.mean(parts, axis=0)
    tensors = {name: styles.astype(np.float16) for name, styles in voices.items()}
    save_file({"counts": COUNTS} | tensors, STYLES_FILE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
