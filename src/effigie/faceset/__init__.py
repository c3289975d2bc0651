"""The face set: every face of some clips with its crop, landmarks, pose and identity, as Parquet parts.

Storing, loading, filtering, sorting, telling people apart, contact sheets, dropping and exporting live here.
Networks, training and anything that looks at video may not enter: faces arrive as records, leave as arrays.
"""

from effigie.faceset.cluster import Person
from effigie.faceset.columns import Faces
from effigie.faceset.part import write_segment
from effigie.faceset.schema import BLENDSHAPES, FaceRecord
from effigie.faceset.select import Filter
from effigie.faceset.sources import SourceInfo
from effigie.faceset.store import FaceSet
from effigie.faceset.writer import PartWriter

__all__ = [
    "BLENDSHAPES",
    "FaceRecord",
    "FaceSet",
    "Faces",
    "Filter",
    "PartWriter",
    "Person",
    "SourceInfo",
    "write_segment",
]
