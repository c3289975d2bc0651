"""Layers that are conditioned on a style: adaptive instance norm and the residual blocks made of it.

The architecture is that of StyleTTS 2 (Li et al. 2023) with an ISTFTNet decoder (Kaneko et al. 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STYLE_SIZE = 128


class AdaptiveNorm(nn.Module):
    """Instance norm over time whose gain and shift come from the style (AdaIN)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(STYLE_SIZE, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, C, T), (B, 128) -> (B, C, T)."""
        gain, shift = self.affine(style)[:, :, None].chunk(2, dim=1)
        # One pass over the sound instead of three: the norm's scale is folded into the style's.
        var, mean = torch.var_mean(x, dim=2, keepdim=True, correction=0)
        scale = (1 + gain) * torch.rsqrt(var + 1e-5)
        return torch.addcmul(shift - mean * scale, x, scale)


class StyleBlock(nn.Module):
    """Residual block of two convolutions; with ``upsample`` time is doubled."""

    def __init__(self, inputs: int, outputs: int, upsample: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = AdaptiveNorm(inputs), AdaptiveNorm(outputs)
        self.conv1 = nn.Conv1d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv1d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv1d(inputs, outputs, 1, bias=False) if inputs != outputs else None
        self.upsample = (
            nn.ConvTranspose1d(inputs, inputs, 3, 2, 1, output_padding=1, groups=inputs) if upsample else None
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, inputs, T), (B, 128) -> (B, outputs, T), or 2 T."""
        y = F.leaky_relu(self.norm1(x, style), 0.2)
        if self.upsample is not None:
            y = self.upsample(y)
        y = self.conv2(F.leaky_relu(self.norm2(self.conv1(y), style), 0.2))
        if self.shortcut is not None:
            x = self.shortcut(x)  # before the repetition, which it commutes with: half the work
        if self.upsample is not None:
            x = x.repeat_interleave(2, dim=2)
        return (x + y) * 0.5**0.5


class SnakeBlock(nn.Module):
    """Residual block of three dilated pairs of convolutions with snake activations (x + sin^2(a x) / a)."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...] = (1, 3, 5)) -> None:
        super().__init__()
        count = len(dilations)
        self.norms1 = nn.ModuleList(AdaptiveNorm(channels) for _ in range(count))
        self.norms2 = nn.ModuleList(AdaptiveNorm(channels) for _ in range(count))
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) // 2 * d) for d in dilations
        )
        self.convs2 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in range(count)
        )
        self.alphas1 = nn.ParameterList(nn.Parameter(torch.ones(1, channels, 1)) for _ in range(count))
        self.alphas2 = nn.ParameterList(nn.Parameter(torch.ones(1, channels, 1)) for _ in range(count))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, C, T), (B, 128) -> (B, C, T)."""
        for norm1, conv1, alpha1, norm2, conv2, alpha2 in zip(
            self.norms1, self.convs1, self.alphas1, self.norms2, self.convs2, self.alphas2, strict=True
        ):
            y = conv1(snake(norm1(x, style), alpha1))
            x = x + conv2(snake(norm2(y, style), alpha2))
        return x


def snake(x: Tensor, alpha: Tensor) -> Tensor:
    """x + sin^2(alpha x) / alpha (Ziyin et al. 2020)."""
    wave = torch.sin(alpha * x)
    if torch.is_grad_enabled():
        return x + wave**2 / alpha
    return torch.addcmul(x, wave.square_(), 1 / alpha)  # in place: memory is what it costs


class BidirectionalLSTM(nn.Module):
    """One LSTM layer read in both directions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, outputs // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, T, outputs)."""
        return self.lstm(x)[0]
