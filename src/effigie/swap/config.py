"""Settings of training a swap and of conversion."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from effigie.compositing import ComposeSettings
from effigie.errors import UsageError
from effigie.io.stored_names import STORED_NAME
from effigie.media import EncodeSettings, FootageSettings
from effigie.provenance.config import TrustSettings
from effigie.swap.editing.shot_settings import ShotList, ShotSettings
from effigie.swap.editing.strokes import Stroke
from effigie.swap.presets import PRESET_WEIGHTS, SwapLossWeights, get_preset

PRIORS = ("mesh", "none")
EXTREME_POSE_MODES = ("leave", "make")
INTERIORS = ("footage", "source")
EYEWEAR_MODES = ("auto", "target", "source", "none")


@dataclass(frozen=True)
class SwapSettings:
    """Settings of :func:`effigie.swap.train`.

    Attributes:
        preset: ``tiny`` (128 px, for CPUs), ``base`` (256) or ``large`` (384).
        prior: ``mesh`` gives the networks the warped source as extra input; ``none`` is the classic autoencoder.
        start: a folder made by ``pretrain``, of the same preset, whose weights training begins with instead of random
            ones. It restores faces better and looks less like the source (docs/swap.md).
        minutes: how long to train; without it and ``steps``, until the held-out error stops improving.
        steps: how many steps to train in all.
        batch: pictures a step, both people together; None takes the preset's.
        learning_rate: of Adam.
        held_out: share of each person's footage, in whole blocks of time, that is never trained on.
        bank: most source frames kept for warping.
        identity: share of the identity loss, 0 to 4; None takes the preset's. See
            :class:`effigie.swap.presets.SwapLossWeights`.
        adversary: share of the adversary, 0 to 4: sharper, slower, needs patience; None takes the preset's.
        perceptual: share of the perceptual distance (VGG16), 0 to 4; None takes the preset's.
        source_person: which person of the source face set, 0 = most faces; None takes the only one.
        target_person: which person of the target face set, 0 = most faces; None takes the only one.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        precision: ``auto``, ``fp32`` or ``bf16``.
        seed: of every random choice.
    """

    preset: Literal["tiny", "base", "large"] = "tiny"
    prior: Literal["mesh", "none"] = "mesh"
    start: Path | None = None
    minutes: float | None = None
    steps: int | None = None
    batch: int | None = None
    learning_rate: float = 5e-4
    held_out: float = 0.1
    bank: int = 400
    identity: float | None = None
    adversary: float | None = None
    perceptual: float | None = None
    source_person: int | None = field(default=None, metadata={STORED_NAME: "source_who"})
    target_person: int | None = field(default=None, metadata={STORED_NAME: "target_who"})
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        get_preset(self.preset)
        if self.prior not in PRIORS:
            raise UsageError(f"prior must be one of {', '.join(PRIORS)}, not {self.prior!r}")
        if self.start is not None and self.prior == "none":
            raise UsageError("start is of networks that take a prior: leave one of the two out")
        if self.minutes is not None and self.minutes <= 0:
            raise UsageError(f"minutes must be above 0, not {self.minutes}")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"steps must be 1 or more, not {self.steps}")
        if self.batch is not None and (self.batch < 2 or self.batch % 2):
            raise UsageError(f"batch must be an even number, half for each person, not {self.batch}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"precision must be auto, fp32 or bf16, not {self.precision!r}")
        if not 0 < self.held_out <= 0.5:
            raise UsageError(f"held_out must be above 0 and at most 0.5, not {self.held_out}")
        if self.bank < 8:
            raise UsageError(f"bank must be 8 or more, not {self.bank}")
        _ = self.shares

    @property
    def shares(self) -> SwapLossWeights:
        """Shares of the auxiliary losses: the preset's, but for those that are set."""
        overrides = {name: getattr(self, name) for name in ("identity", "adversary", "perceptual")}
        return replace(
            PRESET_WEIGHTS[self.preset], **{name: share for name, share in overrides.items() if share is not None}
        )


@dataclass(frozen=True)
class ConvertSettings:
    """Settings of :func:`effigie.convert`.

    Attributes:
        person: swap the n-th largest face of the first frames (0 = largest); None takes whoever the model was trained
            on, by identity.
        compose: how the made face is put into the frame.
        encode: how the output is encoded.
        footage: what a sequence of pictures does not say itself.
        trust: how the output can be traced: label, mark, certificate.
        mask_clip: a mask painted elsewhere, a clip, a picture or a folder of them, of the clip's size, length and
            times: by it the mask is multiplied; white shows the made face, black or transparent leaves the footage.
        masks: a folder to write the masks to as well, one grey PNG a frame; 0 = neither face nor label.
        layers: a folder for the made face as EXR layers with alpha, and tracking data, for other compositing programs
            as well. Needs ``effigie[film]``; see docs/media.md.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        max_frames: only the first frames, for a quick look; None takes all.
        shots: stretches of frames with settings of their own.
        strokes: of a brush on the masks, in the order in which they were painted; they go with the head.
        extreme_pose: what becomes of a head that is turned far beyond what the source's footage shows: ``leave`` shows
            the footage's own face there, ``make`` a face by geometry, however bad (nobody is to be recognised).
        interior: whose eyeballs and inside of the mouth show between lids and lips: ``footage`` takes its gaze,
            highlights, teeth and tongue, with the source's iris color; ``source`` warps the source's own, wherever that
            ever showed them.
        eyewear: whose glasses are worn: ``target`` keeps the footage's whole and takes the source's out of its frames,
            ``source`` shows the source's, ``none`` nobody's. ``auto`` is ``target``, for a head, its hair and what it
            wears belong to the footage, but ``source`` where nobody in the footage wears any and the source is never
            seen without them: what they hide would be made up.
        deinterlace: write interlaced footage as whole frames; else its fields are kept, and the face is made for each.
        fast: about a quarter faster for a slightly softer face, for looks in between. See
            :mod:`effigie.swap.inference.people.cast`.
    """

    person: int | None = field(default=None, metadata={STORED_NAME: "who"})
    compose: ComposeSettings = field(default_factory=ComposeSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    footage: FootageSettings = field(default_factory=FootageSettings)
    trust: TrustSettings = field(default_factory=TrustSettings)
    mask_clip: Path | None = field(default=None, metadata={STORED_NAME: "paint"})
    masks: Path | None = None
    layers: Path | None = None
    device: str = "auto"
    max_frames: int | None = field(default=None, metadata={STORED_NAME: "stop_after"})
    shots: tuple[ShotSettings, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    extreme_pose: Literal["leave", "make"] = field(default="leave", metadata={STORED_NAME: "turned"})
    interior: Literal["footage", "source"] = "footage"
    eyewear: Literal["auto", "target", "source", "none"] = "auto"
    deinterlace: bool = False
    fast: bool = False

    def __post_init__(self) -> None:
        if self.layers is not None and self.layers == self.masks:
            raise UsageError(f"layers and masks cannot both go into {self.layers}: name two folders")
        if self.eyewear not in EYEWEAR_MODES:
            raise UsageError(f"eyewear is {', '.join(EYEWEAR_MODES[:-1])} or {EYEWEAR_MODES[-1]}, not {self.eyewear!r}")
        ShotList(self.shots)  # refuses those that overlap
        if self.extreme_pose not in EXTREME_POSE_MODES:
            raise UsageError(f"extreme_pose is {' or '.join(EXTREME_POSE_MODES)}, not {self.extreme_pose!r}")
        if self.interior not in INTERIORS:
            raise UsageError(f"interior is {' or '.join(INTERIORS)}, not {self.interior!r}")
        if self.person is not None and self.person < 0:
            raise UsageError(f"person must be 0 or more, not {self.person}")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"max_frames must be 1 or more, not {self.max_frames}")
