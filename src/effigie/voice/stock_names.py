"""Names of the stock voices, for those who list them and load none."""

from __future__ import annotations

BLENDS = {"willow": "af", "hazel": "bf", "rowan": "am", "alder": "bm"}
"""Means over the English voices of a kind: American and British, women and men."""
JAPANESE = {
    "alpha": "jf_alpha",
    "gongitsune": "jf_gongitsune",
    "nezumi": "jf_nezumi",
    "tebukuro": "jf_tebukuro",
    "kumo": "jm_kumo",
}
STOCK_VOICES = {
    "willow": "a woman, American: the mean of eight",
    "hazel": "a woman, British: the mean of four",
    "rowan": "a man, American: the mean of six",
    "alder": "a man, British: the mean of three",
    "alpha": "a woman, Japanese",
    "gongitsune": "a woman, Japanese",
    "nezumi": "a woman, Japanese",
    "tebukuro": "a woman, Japanese",
    "kumo": "a man, Japanese",
}
"""Names, and what they sound like."""
