"""Clips in, a face set out: every clip is analysed once, in parallel, and stored as a part of its own.

The room is not called `extract`: that is the public function, `effigie.extract`, which a package would hide.

What a face is, is the business of `faces`; how it is stored, of `faceset`. Nothing here trains or generates.
"""

from effigie.extraction.config import ExtractSettings
from effigie.extraction.extractor import ExtractReport, extract

__all__ = ["ExtractReport", "ExtractSettings", "extract"]
