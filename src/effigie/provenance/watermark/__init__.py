"""Invisible watermark: a 48-bit output id in the luma of every frame; embedding and detection.

Two patterns carry the same codeword: one fixed to the frame, one to every made face, which is found again wherever
the face is (:mod:`effigie.provenance.watermark.anchor`). Their keys are public, so that anyone can verify a file with
nothing but effigie. What an id means (credentials, ledger, consent) may not enter here, nor may networks other than
those that find faces.
"""

from effigie.provenance.watermark.anchor import Anchor, measure_anchor
from effigie.provenance.watermark.detector import DetectedMark, detect, detect_file
from effigie.provenance.watermark.embedder import WatermarkEmbedder
from effigie.provenance.watermark.known_marks import MAX_KNOWN

__all__ = ["MAX_KNOWN", "Anchor", "DetectedMark", "WatermarkEmbedder", "detect", "detect_file", "measure_anchor"]
