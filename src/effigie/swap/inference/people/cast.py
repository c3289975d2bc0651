"""The cast of a conversion: models loaded, with all that each of them needs to be put into frames."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from effigie.consent.gate import ConsentLike
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.swap.checkpoint import SwapModel, load_swap
from effigie.swap.config import ConvertSettings
from effigie.swap.inference.people.assignment import PersonAssignment
from effigie.swap.inference.people.state import FaceCompositor, PersonState, check_distinct_people
from effigie.swap.inference.source.eyewear import SourceEyewear, choose_eyewear
from effigie.swap.inference.source.visibility import SourceVisibility
from effigie.swap.inference.swapper import Swapper
from effigie.swap.inference.target_eyewear import TargetEyewear, wears_glasses
from effigie.swap.target_profile import measure_target
from effigie.training.device import choose_device, choose_precision

# What the fast mode gives up for speed. A made face's side is this share of the usual: warping it, and all that is done
# to it before it lies in the frame, costs half.
FAST_SIDE_SHARE = 0.75
FAST_VISIBILITY_INTERVAL = 2  # frames: a crop follows the face, and a hand before it moves little in one


class Cast:
    """The people of a conversion.

    Args:
        assignments: models, and whose faces they replace.
        clip: the footage: in it the targets' calm faces are measured, and glasses looked for where ``eyewear`` depends
            on it.
        settings: of the conversion; how faces are put in may change later, see :meth:`people`.
        consent, purpose: as of :func:`effigie.convert`.

    Attributes:
        device: that networks run on.
        models: in the order of the assignments, glasses out of their source frames as the settings want it, and their
            targets' face profiles as the clip shows them.

    Raises:
        RefusedError: no valid consent for a face that would be shown.
        ModelError: a model cannot be used.
        UsageError: two models look for the same person.
    """

    def __init__(
        self,
        assignments: Sequence[PersonAssignment],
        clip: Path,
        settings: ConvertSettings,
        consent: ConsentLike = None,
        purpose: str | None = None,
    ) -> None:
        self._assignments, self._settings = assignments, settings
        self.device = choose_device(settings.device)
        self._precision = choose_precision("auto", self.device)
        models = [load_swap(one.model, str(self.device), consent=consent, purpose=purpose) for one in assignments]
        check_distinct_people(assignments, models)
        self._visibility = VisibilityPredictor(device=self.device, half=self._precision == "bf16")
        is_bare = functools.cache(lambda: not wears_glasses(clip, self._visibility, settings.footage))
        self._eyewear = [
            choose_eyewear(model.bank, settings.eyewear, self._visibility, is_bare)
            if model.prior
            else SourceEyewear(model.bank, [], "target" if settings.eyewear == "auto" else settings.eyewear)
            for model in models
        ]
        targets = [
            measure_target(clip, model.target, one.person, settings.footage) if model.prior else model.target
            for model, one in zip(models, assignments, strict=True)
        ]
        self.models = [
            replace(model, bank=one.bank, target=target)
            for model, one, target in zip(models, self._eyewear, targets, strict=True)
        ]

    def people(self, rate: float, needs_visibility: bool) -> list[PersonState]:
        """Everybody, without memory of earlier frames.

        Args:
            rate: pictures a second of the footage.
            needs_visibility: whether anything that covers faces stays before them in any shot.
        """
        return [
            self._build_person(*one, rate, needs_visibility)
            for one in zip(self._assignments, self.models, self._eyewear, strict=True)
        ]

    def _build_person(
        self, assignment: PersonAssignment, model: SwapModel, worn: SourceEyewear, rate: float, needs_visibility: bool
    ) -> PersonState:
        settings, source_visibility = self._settings, None
        if needs_visibility:
            keeps_glasses = worn.mode == "source"
            source_visibility = SourceVisibility(
                model.bank, self._visibility, model.network is not None, keeps_glasses, worn.find_hidden
            )
        return PersonState(
            assignment,
            model,
            functools.partial(
                Swapper,
                model,
                self.device,
                self._precision,
                rate,
                FAST_SIDE_SHARE if settings.fast else 1.0,
                settings.extreme_pose == "leave",
                source_visibility,
                settings.interior == "footage",
                worn.find_hidden is not None,
                self._visibility if worn.is_shown else None,
            ),
            FaceCompositor(
                settings.compose,
                self._visibility.fresh_copy(),
                FAST_VISIBILITY_INTERVAL if settings.fast else 1,
                TargetEyewear(self._visibility, is_kept=worn.mode == "target"),
            ),
            [*model.notes, *worn.notes],
        )


def needs_visibility(settings: ConvertSettings) -> bool:
    """Whether anything that covers faces stays before them in any shot."""
    composes = [settings.compose, *(shot.compose for shot in settings.shots if shot.compose)]
    composes += [key.compose for shot in settings.shots for key in shot.keys]
    return any(compose.occlusion == "on" for compose in composes)
