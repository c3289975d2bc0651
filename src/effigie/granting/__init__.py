"""Granting: a person answers a random challenge before a camera, and what they did is measured.

Documents lie in :mod:`effigie.consent`; what they must show is decided here, where marks of effigie can be read, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from effigie.granting.answer import answer_grant as answer_grant
    from effigie.granting.liveness import judge_liveness as judge_liveness
    from effigie.granting.performance import measure_performance as measure_performance

# Imported at first use: the networks and the libraries behind them take a while.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"answer": ["answer_grant"], "liveness": ["judge_liveness"], "performance": ["measure_performance"]},
)
