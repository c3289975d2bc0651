"""Review of a face set before training: which faces harm, and what is not covered.

Nothing is changed here: faces are found and proposed, and `faceset.drop` takes them out. Networks and training may not
enter; everything is read from what extraction measured, and from the crops.
"""

from effigie.faceset.review.coverage import CoverageGap, UnseenAspect, describe_unseen, find_gaps, find_unseen
from effigie.faceset.review.findings import Finding, Review, review

__all__ = ["CoverageGap", "Finding", "Review", "UnseenAspect", "describe_unseen", "find_gaps", "find_unseen", "review"]
