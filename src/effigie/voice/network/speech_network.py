"""The whole network: text side and decoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from effigie.voice.network.decoder import Decoder
from effigie.voice.network.prosody import ProsodyPredictor
from effigie.voice.network.text import PhonemeTransformer, TextEncoder

FRAME_S = 0.025  # of a duration
# What is heard comes 50 ms before the durations say: measured on closures and bursts of p, t and k between vowels, of a
# man's and a woman's stock voice (medians -50 and -55 ms at the closure, -45 at the burst).
HEARD_EARLIER_S = 0.05


@dataclass(frozen=True)
class Score:
    """What a sentence sounds like before a voice says it.

    Attributes:
        phonemes: (1, 512, N) sounds of the symbols, with the pad at both ends.
        durations: (N,) int64 frames of 25 ms.
        f0: (1, 2 T) Hz, below 10 where unvoiced; T is the sum of the durations.
        energy: (1, 2 T) nepers.
    """

    phonemes: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor

    @property
    def frames(self) -> Tensor:
        """(1, 512, T) sounds of frames of 25 ms."""
        return self.phonemes.repeat_interleave(self.durations, dim=2)


class SpeechNetwork(nn.Module):
    """Phonemes and a style to sound."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = PhonemeTransformer()
        self.text = TextEncoder()
        self.prosody = ProsodyPredictor()
        self.decoder = Decoder()

    @torch.no_grad()
    def plan(self, symbols: Tensor, manner: Tensor, speed: float = 1.0) -> Score:
        """(1, N) int64 with the pad at both ends, (1, 128) style of the prosody -> how it is to be said."""
        features, durations = self.prosody.encode(self.transformer(symbols), manner)
        frames = torch.round(durations[0] / speed).clamp(min=1).long()
        f0, energy = self.prosody.contours(features.repeat_interleave(frames, dim=1), manner)
        return Score(self.text(symbols), frames, f0, energy)

    def render(self, score: Score, timbre: Tensor, noise: float = 0.0) -> Tensor:
        """(1, 128) style of the sound -> (1, 600 T) samples."""
        return self.decoder(score.frames, score.f0, score.energy, timbre, noise)
