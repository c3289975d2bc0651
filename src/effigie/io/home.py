"""The per-user folder of effigie."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The user's folder of keys, consents, certificates and the ledger; ``EFFIGIE_HOME`` moves it."""
    chosen = os.environ.get("EFFIGIE_HOME")
    return Path(chosen) if chosen else platformdirs.user_config_path("effigie")
