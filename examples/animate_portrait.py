"""Animate a portrait: NASA's astronaut (public domain) moves as the man of a sample clip does.

python examples/animate_portrait.py OUTPUT_FOLDER [FRAMES]
"""

import sys
from pathlib import Path

import cv2
from skimage import data

import effigie
from effigie.assets import fetch_asset


def main(folder: Path, frames: int | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    portrait = folder / "portrait.png"
    cv2.imwrite(str(portrait), cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR))
    record = effigie.consent.new_consent("astronaut", [portrait], ["animate"], basis="public domain")
    record.save(folder / "consent.json", replace=True)
    settings = effigie.AnimateSettings(max_frames=frames)
    report = effigie.animate(
        portrait, fetch_asset("sample_man"), folder / "out.mp4", settings, consent=folder / "consent.json"
    )
    print(f"{report.frames} frames")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
