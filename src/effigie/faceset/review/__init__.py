"""Cleaning footage before it is learned from: what in a face set does harm, and what it lacks.

Nothing is changed here: faces are found and proposed, and `faceset.drop` takes them out. Networks and training may not
enter; everything is read from what extraction measured, and from the crops.
"""

from effigie.faceset.review.coverage import Lack, lacks
from effigie.faceset.review.findings import Finding, Review, review

__all__ = ["Finding", "Lack", "Review", "lacks", "review"]
