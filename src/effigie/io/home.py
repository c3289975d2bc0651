"""The per-user folder of effigie."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The user's folder of keys, consents, certificates and the ledger; ``EFFIGIE_HOME`` moves it."""
    location = os.environ.get("EFFIGIE_HOME")
    return Path(location) if location else platformdirs.user_config_path("effigie")
