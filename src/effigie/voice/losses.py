"""What a voice is fitted by: spectral envelopes, not harmonics.

A long window tells harmonics apart: then every error of F0 is a spectral error, which a fit lowers by blurring the
harmonics, and the voice becomes hoarse while its envelope grows alike. Windows of one to two periods see the envelope
alone. Who speaks is told by one of the two speaker encoders; the other, Resemblyzer, is the judge and never a loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from effigie.speech.mel import mel_bank
from effigie.speech.speaker_network import load_speaker_network

RATE, HIGHEST_HZ = 24000, 10_000.0
SCALES = ((256, 64, 24, 1.0), (512, 128, 48, 1.0), (1024, 256, 64, 0.5))  # window, hop, bands, weight
FLOOR = 1e-4


class EnvelopeLoss(nn.Module):
    """Mean absolute difference of log mel spectra of short windows, in nepers of power."""

    def __init__(self) -> None:
        super().__init__()
        for window, _, bands, _ in SCALES:
            self.register_buffer(f"window{window}", torch.hann_window(window))
            self.register_buffer(f"bank{window}", torch.from_numpy(mel_bank(RATE, window, bands, HIGHEST_HZ)))

    def forward(self, output: Tensor, real: Tensor) -> Tensor:
        """(n,), (n,) samples of 24 kHz -> scalar."""
        total = torch.zeros(())
        for window, hop, _, weight in SCALES:
            ours, theirs = (self._measure(one, window, hop) for one in (output, real))
            total = total + weight * (ours - theirs).abs().mean()
        return total / sum(scale[3] for scale in SCALES)

    def _measure(self, samples: Tensor, window: int, hop: int) -> Tensor:
        taper, bank = getattr(self, f"window{window}"), getattr(self, f"bank{window}")
        spectrum = torch.stft(samples, window, hop, window=taper, return_complex=True).abs()
        return torch.log(bank @ spectrum**2 + FLOOR)


class SpeakerLoss(nn.Module):
    """One minus the cosine between who is heard and the person, by the encoder ``voicefilter``.

    Args:
        person: (256,) of length one, the mean over their recordings.
    """

    def __init__(self, person: Tensor) -> None:
        super().__init__()
        self._network, self._person = load_speaker_network(), person

    def forward(self, output: Tensor) -> Tensor:
        """(n,) samples of 24 kHz, 0.85 s or more -> scalar, 0 to 2."""
        return 1 - self._network(output) @ self._person
