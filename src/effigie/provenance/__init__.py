"""Provenance: every output is marked, labelled, signed and entered in a ledger; `verify` reads that back from any file.

Knows nothing of how pictures are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie._renamed import explain_renamed
from effigie.provenance.config import TrustSettings

if TYPE_CHECKING:
    from effigie.provenance.output_plan import plan_signed_output as plan_signed_output
    from effigie.provenance.verifier import verify as verify

__all__ = ["TrustSettings", "plan_signed_output", "verify"]

# Imported at first use: the libraries behind it take a while.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"output_plan": ["plan_signed_output"], "verifier": ["verify"]}
)
__getattr__ = explain_renamed(__name__, __getattr__)
