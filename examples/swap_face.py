"""Swap a face: extract two people from sample clips, train, convert, verify.

python examples/swap_face.py OUTPUT_FOLDER [STEPS]    # four minutes where no steps are given
"""

import sys
from pathlib import Path

import effigie
from effigie.assets import fetch_asset


def main(folder: Path, steps: int | None = None) -> None:
    source, target = fetch_asset("sample_woman"), fetch_asset("sample_man")
    effigie.extract([source], folder / "source.faces")
    effigie.extract([target], folder / "target.faces")
    # The licence of the sample allows this use. Of anybody else you need a release.
    consent = effigie.consent.new_consent(
        "sample", [source], ["swap"], basis="licence of the sample", evidence=[source]
    )
    settings = effigie.SwapSettings(steps=steps) if steps else effigie.SwapSettings(minutes=4)
    report = effigie.train(
        folder / "source.faces", folder / "target.faces", folder / "model", settings, consent=consent
    )
    print(f"{report.steps} steps, held-out error {report.held_out_error:.3f}")
    effigie.convert(folder / "model", target, folder / "out.mp4")
    print(effigie.verify(folder / "out.mp4").verdict)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
