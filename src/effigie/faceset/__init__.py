"""The face set: every face of some clips with its crop, landmarks, pose and identity, as Parquet parts.

Storing, loading, filtering, sorting, telling people apart, contact sheets, dropping and exporting live here.
Networks, training and anything that looks at video may not enter: faces arrive as records, leave as arrays.
"""

from effigie.faceset.clustering import Person, people
from effigie.faceset.columns import Faces
from effigie.faceset.contact_sheet import Sheet, sheet
from effigie.faceset.edit import Dropped, drop
from effigie.faceset.export import Exported, export
from effigie.faceset.filter import Filter
from effigie.faceset.measures import MEASURES
from effigie.faceset.part_file import write_segment
from effigie.faceset.pose_coverage import Coverage, pose_coverage
from effigie.faceset.report import Info, info
from effigie.faceset.schema import BLENDSHAPES, FaceRecord
from effigie.faceset.sorting import measured, sort
from effigie.faceset.sources import SourceInfo
from effigie.faceset.store import FaceSet
from effigie.faceset.writer import PartWriter

__all__ = [
    "BLENDSHAPES",
    "MEASURES",
    "Coverage",
    "Dropped",
    "Exported",
    "FaceRecord",
    "FaceSet",
    "Faces",
    "Filter",
    "Info",
    "PartWriter",
    "Person",
    "Sheet",
    "SourceInfo",
    "drop",
    "export",
    "info",
    "measured",
    "people",
    "pose_coverage",
    "sheet",
    "sort",
    "write_segment",
]
