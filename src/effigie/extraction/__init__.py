"""Extraction of face sets from clips: each is analysed once, in parallel, and stored as a part of its own.

The package is not called `extract`: it would hide the public function `effigie.extract`.

What a face is, is the business of `faces`; how it is stored, of `faceset`. Nothing here trains or generates.
"""

from effigie.extraction.config import ExtractSettings
from effigie.extraction.extractor import ExtractReport, extract

__all__ = ["ExtractReport", "ExtractSettings", "extract"]
