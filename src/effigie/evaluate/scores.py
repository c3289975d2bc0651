"""Everything that is measured of one swapped clip, and what it must reach."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from effigie.evaluate.container import AudioScores, TimeScores
from effigie.evaluate.figures import Figure, yes
from effigie.evaluate.flicker import FlickerScores
from effigie.evaluate.geometry import GeometryScores
from effigie.evaluate.identity import IdentityScores
from effigie.evaluate.sharpness import SharpnessScores


@dataclass(frozen=True)
class PresenceScores:
    """Who could be measured.

    Attributes:
        frames: in both clips.
        person: frames of the input that show the target person.
        swapped: of those, the share whose mask replaces some of the face; NaN without masks.
        covered: mean share of the mesh's outline that the mask replaces where it does; NaN without masks.
        found: of the person's frames, the share in which the output still shows a face at the same place.
    """

    frames: int
    person: int
    swapped: float
    covered: float
    found: float


@dataclass(frozen=True)
class SwapScores:
    """What :func:`effigie.evaluate.evaluate_swap` measures.

    Attributes:
        identity, geometry, sharpness, flicker: of the face; see the metric's own module for units and
            pitfalls.
        input_to_target: mean cosine of the untouched input to the target's centroid: what a perfect copy
            scores.
        outside: dB, PSNR where the mask is exactly 0, against the input encoded the same way.
        outside_luma: dB, the same for brightness alone.
        outside_far: dB, as ``outside``, 16 px and more away from the mask.
        times, audio: of the container.
        presence: what the figures rest on.
        notes: what a reader must know to judge them, a sentence each.
    """

    identity: IdentityScores
    input_to_target: float
    geometry: GeometryScores
    sharpness: SharpnessScores
    flicker: FlickerScores
    outside: float
    outside_luma: float
    outside_far: float
    times: TimeScores
    audio: AudioScores
    presence: PresenceScores
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is not finite becomes None."""
        return _finite(asdict(self))

    def figures(self) -> list[Figure]:
        """The figures of the face, then of everything else, each with what it must reach."""
        return self.face_figures() + self.rest_figures()

    def face_figures(self) -> list[Figure]:
        """Of the swapped face."""
        geometry = self.geometry
        return [
            Figure("similarity to the source", self.identity.to_source, "", at_least=0.60),
            Figure(
                "closer to the source than to the target",
                100 * self.identity.closer_to_source,
                "%",
                at_least=99,
            ),
            Figure("similarity to the target", self.identity.to_target),
            Figure(
                "landmark error, share of the eye distance", 100 * geometry.landmark_error, "%", at_most=5
            ),
            Figure("mouth opening, correlation", geometry.mouth.correlation, "", at_least=0.9),
            Figure("mouth opening, spread", geometry.mouth.spread, "", at_least=0.7, at_most=1.3),
            Figure("eye opening, correlation", geometry.eyes.correlation, "", at_least=0.7),
            Figure("eye opening, spread", geometry.eyes.spread, "", at_least=0.7, at_most=1.3),
            Figure("sharpness, output over input", self.sharpness.ratio, "", at_least=0.6),
            Figure("flicker, output over input", self.flicker.ratio, "", at_most=1.3),
            Figure("face still found in the output", 100 * self.presence.found, "%", at_least=99),
        ]

    def rest_figures(self) -> list[Figure]:
        """Of the rest of the picture and of the file."""
        return [
            Figure("outside the mask, PSNR", self.outside, "dB", at_least=45),
            Figure("outside the mask, PSNR of brightness alone", self.outside_luma, "dB"),
            yes("same frames at the same times", self.times.exact),
            yes("sound bit for bit", self.audio.identical and self.audio.exact),
        ]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
