"""A small face set with faults: of 24 faces of one person, some dark and one that the landmark network is unsure of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from effigie.faceset import FaceSet
from effigie.faceset.schema import FaceRecord

GOOD = Path(__file__).parents[1] / "compatibility" / "version1" / "source.faces"
DARK, UNSURE = range(4), 9


def write_spoilt_faces(path: Path) -> Path:
    """Write the set."""
    good = FaceSet.open(GOOD)
    (source,) = good.sources.values()
    records = list(good.records())
    for index in DARK:
        records[index] = _darken(records[index])
    records[UNSURE] = replace(records[UNSURE], confidence=0.3)
    with FaceSet.create(path, good.settings).writer(source) as writer:
        writer.write(records)
    return path


def _darken(record: FaceRecord) -> FaceRecord:
    image = cv2.imdecode(np.frombuffer(record.crop, np.uint8), cv2.IMREAD_COLOR)
    return replace(record, crop=cv2.imencode(".jpg", (image * 0.06).astype(np.uint8))[1].tobytes())
