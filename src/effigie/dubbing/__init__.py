"""Dubbing: a person in a real clip says other words; all but the mouth and the jaw stays the footage's.

Sound becomes a mouth as for portraits that speak (:mod:`effigie.heads.speech`); the jaw is moved in the frame itself,
and lips, teeth and tongue come from the person's other pictures in the same clip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie.dubbing.config import DubSettings

if TYPE_CHECKING:
    from effigie.dubbing.dubber import DubbedMouth, DubReport, dub
    from effigie.dubbing.output_plan import plan_dub

__all__ = ["DubReport", "DubSettings", "DubbedMouth", "dub", "plan_dub"]

# Imported at first use: torch takes seconds.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"dubber": ["DubReport", "DubbedMouth", "dub"], "output_plan": ["plan_dub"]}
)
