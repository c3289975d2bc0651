"""From frames to samples: harmonics of F0, two steps of upsampling, and an inverse Fourier transform."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from effigie.voice.network.layers import SnakeBlock

RATE = 24000
HOP = 300  # samples of a frame of F0 and energy
VOICED_HZ = 10.0
_HARMONICS, _AMPLITUDE = 9, 0.1
_FFT, _STEP = 20, 5


class HarmonicSource(nn.Module):
    """A sum of nine harmonics of F0 where it is voiced, silence (or noise) elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(_HARMONICS, 1)

    def forward(self, f0: Tensor, noise: float = 0.0) -> Tensor:
        """(B, T) Hz -> (B, 300 T); ``noise`` scales the noise that the network was trained with."""
        steps = f0.double()[:, None] * torch.arange(1, _HARMONICS + 1, device=f0.device)[:, None] / RATE
        # Phases of the middles of frames; whole turns are dropped before single precision would lose the rest.
        phase = torch.cumsum(steps, dim=2) * HOP
        phase = F.interpolate(phase, scale_factor=float(HOP), mode="linear")
        sines = torch.sin(2 * math.pi * (phase % 1).float()) * _AMPLITUDE
        voiced = (f0 > VOICED_HZ).float().repeat_interleave(HOP, dim=1)[:, None]
        sines = sines * voiced
        if noise:
            sines = sines + noise * torch.randn_like(sines) * (0.003 * voiced + _AMPLITUDE / 3 * (1 - voiced))
        return torch.tanh(self.mix(sines.transpose(1, 2)))[:, :, 0]


class Generator(nn.Module):
    """Frames of 12.5 ms to samples of 24 kHz."""

    def __init__(self) -> None:
        super().__init__()
        self.source = HarmonicSource()
        self.source_convs = nn.ModuleList([nn.Conv1d(_FFT + 2, 256, 12, 6, padding=3), nn.Conv1d(_FFT + 2, 128, 1)])
        self.source_blocks = nn.ModuleList([SnakeBlock(256, 7), SnakeBlock(128, 11)])
        self.upsamplers = nn.ModuleList(
            [nn.ConvTranspose1d(512, 256, 20, 10, padding=5), nn.ConvTranspose1d(256, 128, 12, 6, padding=3)]
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(SnakeBlock(channels, kernel) for kernel in (3, 7, 11)) for channels in (256, 128)
        )
        self.spectrum = nn.Conv1d(128, _FFT + 2, 7, padding=3)
        self.window: Tensor
        self.register_buffer("window", torch.hann_window(_FFT), persistent=False)

    def forward(self, x: Tensor, style: Tensor, f0: Tensor, noise: float = 0.0) -> Tensor:
        """(B, 512, T), (B, 128), (B, T) Hz -> (B, 300 T) samples."""
        with torch.no_grad():
            source = torch.stft(self.source(f0, noise), _FFT, _STEP, window=self.window, return_complex=True)
            harmonics = torch.cat([source.abs(), source.angle()], dim=1).to(x.dtype)
        for step, upsample in enumerate(self.upsamplers):
            injected = self.source_blocks[step](self.source_convs[step](harmonics), style)
            x = upsample(F.leaky_relu(x, 0.1))
            if step == 1:
                x = F.pad(x, (1, 0), mode="reflect")
            x = x + injected
            total = self.blocks[step][0](x, style)  # type: ignore[index]
            for block in self.blocks[step][1:]:  # type: ignore[index]
                total = total + block(x, style)
            x = total / 3
        x = self.spectrum(F.leaky_relu(x)).float()
        bins = _FFT // 2 + 1
        magnitude, angle = torch.exp(x[:, :bins]), torch.sin(x[:, bins:])
        return torch.istft(torch.polar(magnitude, angle), _FFT, _STEP, window=self.window)
