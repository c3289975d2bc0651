"""Fits the style, and adapters of the decoder, to a person's utterances."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from effigie.training.optimizer import Adam
from effigie.voice.adapters import add_adapters, read_adapters
from effigie.voice.dataset import Utterance
from effigie.voice.losses import EnvelopeLoss, SpeakerLoss
from effigie.voice.melody import VOICED_HZ
from effigie.voice.network.speech_network import SpeechNetwork
from effigie.voice.stock_voices import list_bases, load_stock_voice
from effigie.voice.symbols import encode_phonemes

SEGMENT = 40  # frames of 25 ms that a step hears
STYLE_RATE, ADAPTER_RATE = 0.02, 1e-3
CLIP_NORM = 5.0
EVALUATION_INTERVAL = 20  # steps between two looks at held-out speech
HELD_OUT = 0.15  # share of the utterances
HELD_OUT_SEGMENTS = 3
LOUD_NEPERS = 5.0  # below the loudest, within which there is speech
MIDDLE_COUNT = 30  # phonemes of the sentence whose style a fit begins with
SPEAKER_SHARE = 1.0  # nepers of the envelope that a cosine of one to the person is worth
BASE_SHARE = 0.25  # the same, when voices to begin with are compared: their envelopes differ by recordings, too
DEEP_HZ, HIGH_HZ = 140.0, 180.0  # medians of F0: below the first only men's voices are tried, above the second women's


@dataclass
class FitResult:
    """What was learned.

    Attributes:
        timbre: (1, 128).
        adapters: tensors of :func:`~effigie.voice.adapters.read_adapters`.
        steps: that led to it.
        errors: (steps, held-out error) of every look.
    """

    timbre: Tensor
    adapters: dict[str, Tensor]
    steps: int
    errors: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Segment:
    """What the decoder is given, and what it should say."""

    frames: Tensor
    f0: Tensor
    energy: Tensor
    samples: Tensor


class VoiceTask:
    """A fit of one voice.

    Args:
        network: pretrained; not changed.
        utterances: of the person.
        base: name of the voice that it begins with.
        person: (256,) the mean of their recordings by the encoder ``voicefilter``, of length one.
        adapters: whether adapters are fitted beside the style.
        seed: of all random choices.
    """

    def __init__(
        self,
        network: SpeechNetwork,
        utterances: Sequence[Utterance],
        base: str,
        person: Tensor,
        adapters: bool = False,
        seed: int = 0,
    ) -> None:
        self._network, self._random = network, random.Random(seed)
        torch.manual_seed(seed)
        self._decoder = copy.deepcopy(network.decoder)
        self._timbre = torch.nn.Parameter(load_stock_voice(base).choose(MIDDLE_COUNT)[0].clone())
        self._adapters = add_adapters(self._decoder) if adapters else []
        self._sounds = {one.phonemes: network.text(encode_phonemes(one.phonemes)).detach() for one in utterances}
        count = max(1, round(HELD_OUT * len(utterances))) if len(utterances) > 3 else 0
        step = len(utterances) / count if count else 0
        indices = {int((index + 0.5) * step) for index in range(count)}
        self._validation = [one for index, one in enumerate(utterances) if index in indices]
        self._training = [one for index, one in enumerate(utterances) if index not in indices]
        self._loss, self._speaker_loss = EnvelopeLoss(), SpeakerLoss(person)
        parameters: list[dict[str, object]] = [{"params": [self._timbre], "lr": STYLE_RATE}]
        if self._adapters:
            parameters.append({"params": self._adapters, "lr": ADAPTER_RATE})
        self._optimizer = Adam(parameters, betas=(0.8, 0.99))

    def fit(self, steps: int, report: Callable[[int, float | None], None]) -> FitResult:
        """Run up to ``steps`` steps; returns the state with the least held-out error.

        Args:
            report: called with the steps done and the newest held-out error; may raise to stop.
        """
        best = self._snapshot(0)
        errors = [(0, self.evaluate())]
        for step in range(1, steps + 1):
            # The last steps are small: a style that still jitters is heard as roughness.
            for group, rate in zip(self._optimizer.param_groups, (STYLE_RATE, ADAPTER_RATE), strict=False):
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))
            self._step()
            if step % EVALUATION_INTERVAL == 0 or step == steps:
                errors.append((step, self.evaluate()))
                if errors[-1][1] <= min(error for _, error in errors):
                    best = self._snapshot(step)
            report(step, errors[-1][1])
        best.errors = errors
        return best

    def evaluate(self) -> float:
        """Error on utterances that are not learned from; on those that are, where there are too few."""
        chooser = random.Random(1)
        utterances = self._validation or self._training
        with torch.no_grad():
            segments = [self._cut(chooser.choice(utterances), chooser) for _ in range(HELD_OUT_SEGMENTS)]
            return float(np.mean([float(self._compare(segment)) for segment in segments]))

    def _step(self) -> None:
        loss = self._compare(self._cut(self._random.choice(self._training), self._random))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([self._timbre, *self._adapters], CLIP_NORM)
        self._optimizer.step()

    def _compare(self, segment: Segment) -> Tensor:
        output = self._decoder(segment.frames, segment.f0, segment.energy, self._timbre)[0]
        error = self._loss(output, segment.samples[: len(output)])
        return error + SPEAKER_SHARE * self._speaker_loss(output)

    def _cut(self, utterance: Utterance, chooser: random.Random) -> Segment:
        """A piece of an utterance that has speech in it."""
        count = len(utterance.f0) // 2
        loud = np.flatnonzero(utterance.energy > utterance.energy.max() - LOUD_NEPERS) // 2
        low, high = int(loud[0]) - 4, max(int(loud[0]) + 1, int(loud[-1]) - SEGMENT + 4)
        start = max(0, min(round(chooser.uniform(low, high)), count - SEGMENT))
        return cut_segment(utterance, self._sounds[utterance.phonemes], start)

    def _snapshot(self, step: int) -> FitResult:
        return FitResult(self._timbre.detach().clone(), read_adapters(self._decoder) if self._adapters else {}, step)


@torch.inference_mode()
def choose_base(network: SpeechNetwork, utterances: Sequence[Utterance], person: Tensor) -> str:
    """The voice whose sound, with the person's timing and melody, is nearest to theirs; ``person`` as for a fit."""
    loss, speaker_loss = EnvelopeLoss(), SpeakerLoss(person)
    one = min(utterances, key=lambda utterance: utterance.cost)
    sounds = network.text(encode_phonemes(one.phonemes))
    segment = cut_segment(one, sounds, max(0, len(one.f0) // 4 - SEGMENT // 2))
    errors = {}
    for name in _list_alike(utterances):
        timbre = load_stock_voice(name).choose(MIDDLE_COUNT)[0]
        output = network.decoder(segment.frames, segment.f0, segment.energy, timbre)[0]
        errors[name] = BASE_SHARE * float(loss(output, segment.samples[: len(output)])) + float(speaker_loss(output))
    return min(errors, key=errors.__getitem__)


def _list_alike(utterances: Sequence[Utterance]) -> list[str]:
    """Voices of about the person's height."""
    f0 = np.concatenate([one.f0 for one in utterances])
    height = float(np.median(f0[f0 > VOICED_HZ])) if (f0 > VOICED_HZ).any() else (DEEP_HZ + HIGH_HZ) / 2
    kinds = {"m"} if height < DEEP_HZ else {"f"} if height > HIGH_HZ else {"f", "m"}
    return [name for name in list_bases() if name[1] in kinds]


def cut_segment(utterance: Utterance, sounds: Tensor, start: int) -> Segment:
    """A second of an utterance, from frame ``start`` of 25 ms on; sounds are (1, 512, N + 2) of its phonemes."""
    stop = min(len(utterance.f0) // 2, start + SEGMENT)
    frames = sounds.repeat_interleave(torch.from_numpy(utterance.durations), dim=2)
    return Segment(
        frames[:, :, start:stop],
        torch.from_numpy(utterance.f0[2 * start : 2 * stop])[None],
        torch.from_numpy(utterance.energy[2 * start : 2 * stop])[None],
        torch.from_numpy(utterance.samples[600 * start : 600 * stop]),
    )
