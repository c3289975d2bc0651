"""Clips in, a face set out: every clip is analysed once, in parallel, and stored as a part of its own.

What a face is, is the business of `faces`; how it is stored, of `faceset`. Nothing here trains or generates.
"""

from effigie.extract.run import ExtractReport, extract
from effigie.extract.settings import ExtractSettings

__all__ = ["ExtractReport", "ExtractSettings", "extract"]
