"""The generator G: a picture of a person from drawn landmarks and, as a prior, a warped picture of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effigie.heads.network.layers import (
    ATTENTION_SIDE,
    AdaIN,
    DownsamplingEncoder,
    ResidualBlock,
    SelfAttention,
    spectral_conv,
    spectral_linear,
)
from effigie.heads.presets import Preset

PRIOR_CHANNELS = 4  # warped picture and its visibility
DECODER_ATTENTION_SIDE = 64
BLEND_BIAS = 3.0
MIN_VISIBILITY = 0.1
"""Weight of colours that are not valid."""
MAX_LOG_LIGHT = 0.4
"""Natural logarithm of the factor by which a place gets brighter or darker at most."""
BLUR_FACTOR = 8
"""An invention starts from the prior's colours, and light changes, at this fraction of the resolution."""


@dataclass(frozen=True)
class GeneratorOutput:
    """Output of the generator.

    Attributes:
        picture: (B, 3, S, S) RGB in [0, 1].
        blend_weight: (B, 1, S, S) in [0, 1], how much of the prior the picture holds; zeros without a prior.
    """

    picture: Tensor
    blend_weight: Tensor


class Generator(nn.Module):
    """G(y, psi), psi = P e: the landmark encoder, residual blocks and up-sampling blocks with AdaIN.

    With a prior the encoder sees the warped picture too and hands every scale on to the up-sampling part, for the
    prior carries what is fine. What is made is the prior where it is trusted and valid, elsewhere an invention that
    departs from the prior's own blurred colours.
    """

    def __init__(self, preset: Preset, prior: bool) -> None:
        super().__init__()
        self.size, self.stem, self.prior = preset.size, preset.stem, prior
        widths, inputs = preset.widths, 3 + PRIOR_CHANNELS * prior
        self.halving = DownsamplingEncoder(
            inputs,
            widths,
            preset.size,
            preset.stem,
            "instance",
            preset.narrow,
            ATTENTION_SIDE if preset.attention else None,
        )
        self.residual = nn.ModuleList(
            ResidualBlock(preset.most, preset.most, "adaptive") for _ in range(preset.residual)
        )
        self.doubling, self.attention, self.skips = nn.ModuleList(), nn.ModuleDict(), nn.ModuleList()
        # Without a stem the encoder's finest features have half the picture's size, and the raw input joins last.
        skipped = widths[-2::-1] if preset.stem > 1 else (*widths[-2::-1], inputs)
        channels, side = preset.most, preset.size // preset.stem >> preset.down
        for step, skip in enumerate(skipped):
            width = widths[::-1][step + (preset.stem > 1)]
            self.doubling.append(ResidualBlock(channels, width, "adaptive", "double"))
            side *= 2
            if preset.attention and side == DECODER_ATTENTION_SIDE:
                self.attention[str(step)] = SelfAttention(width)
            if prior:
                self.skips.append(spectral_conv(skip, width, 1))
            channels = width
        self.paint = nn.ModuleList(ResidualBlock(channels, channels, "adaptive") for _ in range(preset.paint))
        self.last_norm = AdaIN(channels)
        self.light = spectral_conv(channels, 3) if prior else None
        self.light_gain = nn.Parameter(torch.zeros(())) if prior else None
        outputs = 4 if prior else 3
        self.finish = nn.Sequential(spectral_conv(channels, outputs * preset.stem**2), nn.PixelShuffle(preset.stem))
        self.counts = [module.count for module in self.modules() if isinstance(module, AdaIN)]
        self.projection = spectral_linear(preset.embedding, sum(self.counts))

    @property
    def count(self) -> int:
        """The length of psi: a scale and a shift for every channel that AdaIN normalises."""
        return sum(self.counts)

    def project_embedding(self, embedding: Tensor) -> Tensor:
        """psi = P e, (B, count), of embeddings (B, N)."""
        return self.projection(embedding).float()

    def forward(
        self, drawing: Tensor, embedding: Tensor | None = None, prior: Tensor | None = None, psi: Tensor | None = None
    ) -> GeneratorOutput:
        """Generate the person with the drawn landmarks.

        Args:
            drawing: (B, 3, S, S) in [0, 1].
            embedding: (B, N); not needed when ``psi`` is given.
            prior: (B, 4, S, S) warped RGB and visibility in [0, 1]; None for a generator without.
            psi: (B, count) or (1, count), a person's own parameters instead of those of the embedding.
        """
        if drawing.shape[1:] != (3, self.size, self.size):
            raise ValueError(f"drawing must be (B, 3, {self.size}, {self.size}), not {tuple(drawing.shape)}")
        if psi is None:
            if embedding is None:
                raise ValueError("the generator needs an embedding or psi")
            psi = self.project_embedding(embedding)
        if psi.shape[-1] != self.count:
            raise ValueError(f"psi must be (B, {self.count}), not {tuple(psi.shape)}")
        inputs = drawing if prior is None else torch.cat([drawing, 2 * prior[:, :3] - 1, prior[:, 3:]], dim=1)
        if self.prior != (prior is not None) or inputs.shape[1] != 3 + PRIOR_CHANNELS * self.prior:
            requirement = f"a prior of shape (B, {PRIOR_CHANNELS}, S, S)" if self.prior else "no prior"
            prior_shape = None if prior is None else tuple(prior.shape)
            raise ValueError(f"this generator takes {requirement}, not {prior_shape}")
        out, light = self._paint(inputs, psi)
        if prior is None:
            return GeneratorOutput((out.tanh() + 1) / 2, torch.zeros_like(out[:, :1]))
        prior = prior.float()
        invented = (out[:, :3] + fill_prior(prior).clamp(0.02, 0.98).logit()).sigmoid()
        # Trusting at first where the prior is valid: there it is right almost everywhere, and errors teach the rest.
        # Elsewhere it may be worth something or not, such as what was painted between the lips.
        blend_weight = (out[:, 3:] + BLEND_BIAS * prior[:, 3:]).sigmoid()
        # A head that turns is lit anew, smoothly and without losing its skin.
        lit = (prior[:, :3] * light.exp()).clamp(0, 1)
        return GeneratorOutput(blend_weight * lit + (1 - blend_weight) * invented, blend_weight)

    def _paint(self, inputs: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3 or 4, S, S) float32, any range; and with a prior the logarithm of its light (B, 3, S, S), else 0."""
        inputs = inputs.to(next(self.parameters()).dtype)
        features = self.halving(inputs)
        person = iter(torch.split(psi, self.counts, dim=-1))
        x = features.pop()
        for block in self.residual:
            x = block(x, person)
        if self.stem == 1:
            features.insert(0, inputs)
        for step, block in enumerate(self.doubling):
            x = block(x, person)
            if str(step) in self.attention:
                x = self.attention[str(step)](x)
            if self.prior:
                x = x + self.skips[step](features.pop())
        for block in self.paint:
            x = block(x, person)
        x = F.relu(self.last_norm(x, person))
        out = self.finish(x).float()
        if self.light is None or self.light_gain is None:
            return out, out.new_zeros(())
        coarse = F.avg_pool2d(x, max(1, BLUR_FACTOR // self.stem))
        gain = MAX_LOG_LIGHT * (self.light_gain * self.light(coarse)).float().tanh()
        return out, F.interpolate(gain, scale_factor=float(BLUR_FACTOR), mode="bilinear", align_corners=False)


def fill_prior(prior: Tensor) -> Tensor:
    """(B, 3, S, S) the prior's colours, blurred, and continued smoothly to where it is not valid.

    Each coarser scale fills what the finer one does not know. What is not valid counts faintly: where nothing else is
    known, it is better than nothing.

    Args:
        prior: (B, 4, S, S) RGB and visibility in [0, 1], float32.
    """
    valid = prior[:, 3:].clamp(min=MIN_VISIBILITY)
    level = F.avg_pool2d(torch.cat([prior[:, :3] * valid, valid], dim=1), BLUR_FACTOR)
    levels = [level]
    while level.shape[-1] > 1:
        level = F.avg_pool2d(level, 2)
        levels.append(level)
    filled = torch.full_like(level[:, :3], 0.5)
    for level in reversed(levels):
        weight = (2 * level[:, 3:]).clamp(max=1)
        color = level[:, :3] / level[:, 3:].clamp(min=1e-4)
        if level.shape[-1] > filled.shape[-1]:
            filled = F.interpolate(filled, scale_factor=2.0, mode="bilinear", align_corners=False)
        filled = weight * color + (1 - weight) * filled
    return F.interpolate(filled, scale_factor=float(BLUR_FACTOR), mode="bilinear", align_corners=False)
