"""Review footage: extract faces, list those that would harm training, and export the sharpest as pictures.

python examples/review_faces.py OUTPUT_FOLDER
"""

import sys
from pathlib import Path

import effigie
from effigie.assets import fetch_asset
from effigie.faceset import FaceSet


def main(folder: Path) -> None:
    effigie.extract([fetch_asset("sample_man")], folder / "man.faces")
    found = effigie.review(folder / "man.faces")
    print(found)
    faces = FaceSet.open(folder / "man.faces")
    print(f"{len(faces)} faces, crops of {faces.crop_size} px")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
