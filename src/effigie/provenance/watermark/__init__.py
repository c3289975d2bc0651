"""Invisible watermark: a 48-bit output id in the luma of every frame; embedding and detection.

The pattern is the same through a clip and its key is public, so that anyone can verify a file with nothing but
effigie. What an id means (credentials, ledger, consent) may not enter here, nor may networks.
"""

from effigie.provenance.watermark.detector import DetectedMark, detect, detect_file
from effigie.provenance.watermark.embedder import WatermarkEmbedder

__all__ = ["DetectedMark", "WatermarkEmbedder", "detect", "detect_file"]
