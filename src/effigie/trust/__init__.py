"""Consent before anything is made, and proof in everything that leaves.

On the way in, `gate` lets only consented likenesses through. On the way out, `outgoing` marks, labels, signs and enters
every output; `verify` reads all of that back from any file. Knows nothing of how pictures are made.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from effigie.trust.settings import TrustSettings

if TYPE_CHECKING:
    from effigie.trust.record import grant, new_consent, request_consent, revoke
    from effigie.trust.signed import Consent
    from effigie.trust.store import ConsentStore, default_store

__all__ = [
    "Consent",
    "ConsentStore",
    "TrustSettings",
    "default_store",
    "grant",
    "new_consent",
    "request_consent",
    "revoke",
]

# Imported at first use: the networks and the libraries behind them take a while.
_HOMES = {
    "Consent": "signed",
    "new_consent": "record",
    "request_consent": "record",
    "grant": "record",
    "revoke": "record",
    "ConsentStore": "store",
    "default_store": "store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'effigie.trust' has no attribute {name!r}")
    return getattr(importlib.import_module(f"effigie.trust.{_HOMES[name]}"), name)
