"""A voice that can speak: of a person who consented, or a stock voice."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from effigie.consent.gate import Permit
from effigie.voice.exemplars import Exemplars
from effigie.voice.melody import Melody
from effigie.voice.network.decoder import Decoder
from effigie.voice.network.speech_network import SpeechNetwork
from effigie.voice.stock_voices import StockVoice


@dataclass(frozen=True)
class VoiceModel:
    """Everything of a voice.

    Attributes:
        name: for messages.
        network: text side, the same for all voices.
        decoder: with the voice's adapters in it.
        base: the stock voice whose manner it has, and whose sound where ``timbre`` is None.
        timbre: (1, 128) learned style of the sound; None of a stock voice.
        melody: the person's; None of a stock voice, which has the network's.
        tempo: durations of the person against the base's.
        exemplars: the person's own spectra; None of a stock voice, and of voices that were learned without.
        permit: the gate's.
        manifest_sha256: outputs name the voice by it; None of a stock voice.
    """

    name: str
    network: SpeechNetwork
    decoder: Decoder
    base: StockVoice
    permit: Permit
    timbre: Tensor | None = None
    melody: Melody | None = None
    tempo: float = 1.0
    exemplars: Exemplars | None = None
    manifest_sha256: str | None = None

    def choose(self, count: int) -> tuple[Tensor, Tensor]:
        """(1, 128) timbre and (1, 128) manner for a sentence of ``count`` phonemes."""
        timbre, manner = self.base.choose(count)
        return (timbre if self.timbre is None else self.timbre), manner

    @torch.inference_mode()
    def decode(self, frames: Tensor, f0: Tensor, energy: Tensor, timbre: Tensor, likeness: float = 1.0) -> Tensor:
        """(1, 512, T), (1, 2 T), (1, 2 T), (1, 128) -> (600 T,) samples of 24 kHz.

        Args:
            likeness: how far they are brought to the person's own spectra, 0 to 1.
        """
        shaped = self.decoder.shape(frames, f0, energy, timbre)
        samples: Tensor = self.decoder.generator(shaped, timbre, f0)[0]
        if self.exemplars is None or not likeness:
            return samples
        return self.exemplars.apply(samples, shaped[0], likeness)
