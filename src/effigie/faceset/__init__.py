"""The face set: every face of some clips with its crop, landmarks, pose and identity, as Parquet parts.

Storing, loading, filtering, sorting, telling people apart, contact sheets, dropping and exporting live here.
Networks, training and anything that looks at video may not enter: faces arrive as records, leave as arrays.
"""

from typing import TYPE_CHECKING

from effigie._renamed import explain_renamed
from effigie.faceset.clustering import PersonCluster, cluster_tracks
from effigie.faceset.columns import Faces
from effigie.faceset.edit import DropReport, drop
from effigie.faceset.export import ExportReport, export
from effigie.faceset.filter import Filter
from effigie.faceset.index import SourceInfo
from effigie.faceset.measures import MEASURES
from effigie.faceset.part_file import write_segment
from effigie.faceset.plots.contact_sheet import ContactSheet, draw_contact_sheet
from effigie.faceset.plots.pose_coverage import PoseCoverage, pose_coverage
from effigie.faceset.report import FaceSetSummary, summarize
from effigie.faceset.schema import BLENDSHAPES, FaceRecord
from effigie.faceset.sorting import load_measures, sort_faces
from effigie.faceset.store import FaceSet
from effigie.faceset.writer import PartWriter

__all__ = [
    "BLENDSHAPES",
    "MEASURES",
    "ContactSheet",
    "DropReport",
    "ExportReport",
    "FaceRecord",
    "FaceSet",
    "FaceSetSummary",
    "Faces",
    "Filter",
    "PartWriter",
    "PersonCluster",
    "PoseCoverage",
    "SourceInfo",
    "cluster_tracks",
    "draw_contact_sheet",
    "drop",
    "export",
    "load_measures",
    "pose_coverage",
    "sort_faces",
    "summarize",
    "write_segment",
]

if not TYPE_CHECKING:
    __getattr__ = explain_renamed(__name__)
