"""Consent: records of who allows which use of their likeness, and the gate that asks for them before anything is made.

Knows nothing of how pictures are made, nor of what leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie._renamed import explain_renamed

if TYPE_CHECKING:
    from effigie.consent.document import Consent as Consent
    from effigie.consent.record import grant as grant
    from effigie.consent.record import new_consent as new_consent
    from effigie.consent.record import request_consent as request_consent
    from effigie.consent.record import revoke as revoke
    from effigie.consent.store import ConsentStore as ConsentStore
    from effigie.consent.store import default_store as default_store

# Imported at first use: the networks and the libraries behind them take a while.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "document": ["Consent"],
        "record": ["grant", "new_consent", "request_consent", "revoke"],
        "store": ["ConsentStore", "default_store"],
    },
)
__getattr__ = explain_renamed(__name__, __getattr__)
