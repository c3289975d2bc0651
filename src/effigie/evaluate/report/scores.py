"""Scores of a swapped clip, with their bounds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

from effigie.evaluate.metrics.container import AudioScores, TimeScores
from effigie.evaluate.metrics.cut_stability import CutStabilityScores
from effigie.evaluate.metrics.flicker import FlickerScores
from effigie.evaluate.metrics.frechet import FrechetScores
from effigie.evaluate.metrics.gaze import EyeScores
from effigie.evaluate.metrics.geometry import GeometryScores
from effigie.evaluate.metrics.identity import IdentityScores
from effigie.evaluate.metrics.mimicry import MimicryScores
from effigie.evaluate.metrics.occlusion_preservation import OcclusionScores
from effigie.evaluate.metrics.seam import SeamScores
from effigie.evaluate.metrics.sharpness import SharpnessScores
from effigie.evaluate.report.figures import Figure, mean_figure, yes_no_figure
from effigie.evaluate.report.frames import FrameTable, merge_rows
from effigie.evaluate.report.worst import worst_overall
from effigie.io.stored_names import STORED_NAME, stored_name


@dataclass(frozen=True)
class PresenceScores:
    """Number of frames in which the person could be measured."""

    frames: int  # in both clips
    person: int  # frames of the input that show the target person
    swapped: float  # of those, the share whose mask replaces some of the face; NaN without masks
    covered: float  # mean share of the mesh's outline that the mask replaces where it does; NaN without masks
    found: float  # of the person's frames, the share in which the output still shows a face at the same place


@dataclass(frozen=True)
class SwapScores:
    """Scores of one person, as :func:`effigie.evaluate.evaluate_swap` measures them.

    The metrics' own modules say units and pitfalls. Background figures are against the input encoded the same way.
    """

    identity: IdentityScores
    input_to_target: float  # mean cosine of the untouched input to the target's centroid: what a perfect copy scores
    # Where several people are swapped, share of the frames nearer to the own source than to another's.
    own_face_share: float | None = field(metadata={STORED_NAME: "own_face"})
    geometry: GeometryScores
    expression: float  # mean error of the landmarks without pose, share of the eye distance
    pose: float  # mean angle between the heads, degrees
    eyes: EyeScores
    mimicry: MimicryScores
    skin_difference: float  # from the footage's own skin, worst of six places, CIE76
    frechet: FrechetScores | None = field(metadata={STORED_NAME: "crowd"})
    sharpness: SharpnessScores
    flicker: FlickerScores
    cut_stability: CutStabilityScores = field(metadata={STORED_NAME: "settling"})
    seam: SeamScores | None  # None without masks
    occlusion: OcclusionScores | None  # None where nothing is drawn to cover the face
    background_psnr: float = field(metadata={STORED_NAME: "outside"})  # dB, where the mask is exactly 0
    background_psnr_luma: float = field(metadata={STORED_NAME: "outside_luma"})  # of brightness alone
    background_psnr_far: float = field(metadata={STORED_NAME: "outside_far"})  # 16 px and more from the mask
    background_ssim: float = field(metadata={STORED_NAME: "outside_ssim"})  # of brightness
    times: TimeScores
    audio: AudioScores
    presence: PresenceScores  # what the figures rest on
    notes: list[str]  # what a reader must know to judge them, a sentence each
    pictures: FrameTable = field(repr=False, compare=False)  # every figure of every frame
    faces: FrameTable = field(repr=False, compare=False)  # of the frames that show the person

    def to_json(self, frames: bool = False) -> dict[str, Any]:
        """JSON values; what is not finite becomes None. With ``frames``, every frame's figures too."""
        plain_fields = [one for one in fields(self) if one.name not in ("pictures", "faces")]
        plain = {stored_name(one): _plain(getattr(self, one.name)) for one in plain_fields}
        rows = {"frames": list(merge_rows(self.pictures, [self.faces]))} if frames else {}
        return _finite(plain) | rows

    def figures(self) -> list[Figure]:
        """The figures of the face, then of everything else, each with what it must reach.

        What needs masks, drawn covers or several people is there only where these were given.
        """
        face = [*self._likeness(), *self._movement(), *self._picture(), *self._covers()]
        return [*face, *self._background_and_file()]

    def _likeness(self) -> list[Figure]:
        closer = self.identity.closer_to_source
        figures = [
            Figure("similarity to the source", self.identity.to_source, "", at_least=0.70),
            Figure("similarity to the target", self.identity.to_target, "", at_most=0.20),
            Figure("closer to the source than to the target", 100 * closer, "%", at_least=99),
        ]
        if self.identity.retrieval is not None:
            name = f"nearest to the source among {self.identity.gallery} people"
            figures.append(Figure(name, 100 * self.identity.retrieval, "%", at_least=97))
        if self.own_face_share is not None:
            name = "own face: closer to the own source than to another's"
            figures.append(Figure(name, 100 * self.own_face_share, "%", at_least=100))
        if self.frechet is not None:
            figures += [
                Figure("Fréchet distance to the source's faces", self.frechet.output),
                Figure("Fréchet distance of the untouched input", self.frechet.input),
            ]
        return figures

    def _movement(self) -> list[Figure]:
        geometry, eyes, landmarks = self.geometry, self.eyes, self.geometry.landmark_error
        mimicry = self.mimicry
        return [
            Figure("landmark error, share of the eye distance", 100 * landmarks, "%", at_most=5),
            Figure("expression error, share of the eye distance", 100 * self.expression, "%", at_most=4),
            Figure("pose error", self.pose, "°"),
            Figure("mouth opening, correlation", geometry.mouth.correlation, "", at_least=0.9),
            Figure("mouth opening, spread", geometry.mouth.spread, "", at_least=0.7, at_most=1.3),
            Figure("eye opening, correlation", geometry.eyes.correlation, "", at_least=0.7),
            Figure("eye opening, spread", geometry.eyes.spread, "", at_least=0.7, at_most=1.3),
            Figure("lips' gap, error where they are shut", 100 * mimicry.shut_error, "% of the eye distance"),
            Figure("lips' gap, error where they are open", 100 * mimicry.open_error, "% of the eye distance"),
            Figure("brow height, correlation", mimicry.brow_correlation),
            Figure("brow height, gain", mimicry.brow_gain),
            Figure("smile width, correlation", mimicry.smile_correlation),
            Figure("smile width, gain", mimicry.smile_gain),
            Figure("gaze error, eye widths", eyes.gaze_error),
            Figure("gaze, correlation", eyes.gaze),
        ]

    def _picture(self) -> list[Figure]:
        figures = [
            Figure("sharpness, output over input", self.sharpness.ratio, "", at_least=0.85),
            Figure("flicker, output over input", self.flicker.ratio, "", at_most=1.1),
            Figure("flicker after cuts, output over input", self.cut_stability.flicker, "", at_most=1.1),
            Figure("skin off the footage's, worst of six places", self.skin_difference, "CIE76"),
            Figure("colour drift after cuts", self.cut_stability.drift, "CIELAB", at_most=1),
            Figure("face still found in the output", 100 * self.presence.found, "%", at_least=99),
        ]
        if self.seam is not None:
            figures[2:2] = [
                Figure("colour seam, output over input", self.seam.ratio, "times", at_most=1.2),
                Figure("colour seam over the whole edge", self.seam.whole, "times"),
            ]
        return figures

    def _covers(self) -> list[Figure]:
        if self.occlusion is None:
            return []
        figures = [Figure("covers still in front", 100 * self.occlusion.in_front, "%", at_least=99)]
        if self.seam is not None:
            figures.append(Figure("uncovered face replaced", 100 * self.occlusion.replaced, "%"))
        return figures

    def _background_and_file(self) -> list[Figure]:
        return [
            Figure("outside the mask, PSNR", self.background_psnr, "dB", at_least=45),
            Figure("outside the mask, PSNR of brightness alone", self.background_psnr_luma, "dB"),
            Figure("outside the mask, SSIM", self.background_ssim),
            yes_no_figure("same frames at the same times", self.times.exact),
            yes_no_figure("sound bit for bit", self.audio.identical and self.audio.exact),
        ]


@dataclass(frozen=True)
class PeopleScores:
    """Scores of every person of one clip, as :func:`effigie.evaluate.evaluate_people` measures them."""

    people: list[SwapScores]  # scores of each, in the order in which they were named

    def columns(self) -> list[list[Figure]]:
        """Each person's figures, the same names in the same order."""
        return [scores.figures() for scores in self.people]

    def figures(self) -> list[Figure]:
        """Means over the people, weighted by their frames; of what must hold, whether it does for all."""
        weights = [scores.presence.person for scores in self.people]
        return [mean_figure(list(each), weights) for each in zip(*self.columns(), strict=True)]

    def to_json(self, frames: bool = False) -> dict[str, Any]:
        """JSON values; what is not finite becomes None. With ``frames``, every frame's figures too."""
        rows = list(merge_rows(self.people[0].pictures, [scores.faces for scores in self.people]))
        return {"people": [scores.to_json() for scores in self.people]} | ({"frames": rows} if frames else {})

    def worst_frames(self, most: int = 12) -> list[dict[str, Any]]:
        """Each person's worst frames by all metrics together, worst first: ``person`` (from 0), ``frame``, ``why``."""
        return [
            {"person": number, "frame": one.frame, "why": one.text}
            for number, scores in enumerate(self.people)
            for one in worst_overall(scores.faces, most)
        ]


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
