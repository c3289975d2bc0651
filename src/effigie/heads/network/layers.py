"""Layers of embedder, generator and discriminator: spectral norm, residual blocks, AdaIN, self-attention."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

SPECTRAL_EPS = 1e-4
"""Of spectral norm, as in the paper's own release."""
NORM_EPS = 1e-5
ATTENTION_SIDE = 32
"""Side of the feature map that attends to itself where resolution halves."""
Norm = Literal["none", "instance", "adaptive"]
Resize = Literal["keep", "halve", "double"]
Network = TypeVar("Network", bound=nn.Module)
Layer = TypeVar("Layer", nn.Embedding, "SpectralConv2d", "SpectralLinear")


class SpectralConv2d(nn.Conv2d):
    """A convolution of odd ``side`` that keeps the size of its input; made by :func:`spectral_conv`."""

    def __init__(self, inputs: int, outputs: int, side: int = 3) -> None:
        super().__init__(inputs, outputs, side, padding=side // 2)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, float_weight(self, input), self.bias, padding=self.kernel_size[0] // 2)


class SpectralLinear(nn.Linear):
    """A linear map; made by :func:`spectral_linear`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, float_weight(self, input), self.bias)


def float_weight(module: nn.Conv2d | nn.Linear | nn.Embedding, like: Tensor) -> Tensor:
    """The module's weight, its spectral norm computed in float32: autocast on CUDA would mix types within it."""
    with torch.autocast(like.device.type, enabled=False):
        return module.weight


def spectral_conv(inputs: int, outputs: int, side: int = 3) -> SpectralConv2d:
    """A convolution with spectral norm that keeps the size of its input."""
    return apply_spectral_norm(SpectralConv2d(inputs, outputs, side))


def spectral_linear(inputs: int, outputs: int) -> SpectralLinear:
    """A linear map with spectral norm."""
    return apply_spectral_norm(SpectralLinear(inputs, outputs))


def apply_spectral_norm(layer: Layer) -> Layer:
    """The layer with spectral norm on its weight."""
    spectral_norm(layer, eps=SPECTRAL_EPS)
    return layer


def fold_spectral_norm(network: Network) -> Network:
    """A frozen copy in eval mode, its spectral norms baked into plain weights: for inference and export."""
    plain = copy.deepcopy(network).eval()
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if parametrize.is_parametrized(child, "weight"):
                setattr(parent, name, _without_norm(child))
    # The order in which the pictures come too: a fifth to a third faster on a CPU than one order for each.
    return plain.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _without_norm(layer: nn.Module) -> nn.Module:
    # torch's remove_parametrizations would take the norm from every copy: copies share one class.
    fresh: nn.Conv2d | nn.Linear | nn.Embedding
    if isinstance(layer, SpectralConv2d):
        side = layer.kernel_size[0]
        fresh = nn.Conv2d(layer.in_channels, layer.out_channels, side, padding=side // 2)
    elif isinstance(layer, SpectralLinear):
        fresh = nn.Linear(layer.in_features, layer.out_features)
    elif isinstance(layer, nn.Embedding):
        fresh = nn.Embedding(layer.num_embeddings, layer.embedding_dim)
    else:
        raise TypeError(f"cannot bake the norm of a {type(layer).__name__}")
    state = {"weight": layer.weight.detach()}
    if isinstance(layer, (SpectralConv2d, SpectralLinear)) and layer.bias is not None:
        state["bias"] = layer.bias.detach()
    fresh.to(state["weight"].device, state["weight"].dtype).load_state_dict(state)
    return fresh.eval()


def instance_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """(B, C, H, W) with mean 0 and variance 1 per picture and channel, then times 1 + ``scale``, plus ``shift``.

    Both are (B, C) or (C,): learned constants (affine InstanceNorm) or a person's numbers (AdaIN).
    """
    centered = x.float()
    centered = centered - centered.mean((2, 3), keepdim=True)
    # Channels last on a CPU: a tenth of the time of torch.var_mean, half of it with the gradients.
    variance = centered.square().mean((2, 3), keepdim=True)
    gain = (1 + scale[..., None, None]) * (variance + NORM_EPS).rsqrt()
    return torch.addcmul(shift[..., None, None], centered, gain).to(x.dtype)


class InstanceNorm(nn.Module):
    """InstanceNorm with learned scale and shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, person: Iterator[Tensor] | None = None) -> Tensor:
        return instance_norm(x, self.scale, self.shift)


class AdaIN(nn.Module):
    """InstanceNorm whose scale and shift are a person's: it takes the next (B, 2 C) of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.count = 2 * channels

    def forward(self, x: Tensor, person: Iterator[Tensor] | None = None) -> Tensor:
        if person is None:
            raise ValueError("AdaIN needs a person's parameters")
        scale, shift = next(person).chunk(2, dim=-1)
        return instance_norm(x, scale, shift)


class NoNorm(nn.Module):
    """No norm."""

    def forward(self, x: Tensor, person: Iterator[Tensor] | None = None) -> Tensor:
        return x


def _build_norm(kind: Norm, channels: int) -> nn.Module:
    if kind == "none":
        return NoNorm()
    return InstanceNorm(channels) if kind == "instance" else AdaIN(channels)


class ResidualBlock(nn.Module):
    """[norm] - ReLU - [double] - conv - [norm] - ReLU - conv - [halve], around a 1x1 convolution (BigGAN's form).

    Where neither size nor channels change, the shortcut is the input itself: only so do the paper's parameter
    counts come out.

    Args:
        first: the input is a picture, so that neither norm nor ReLU comes before the first convolution.
        narrow: the first convolution keeps the channels, the second changes them.
    """

    def __init__(
        self, inputs: int, outputs: int, norm: Norm, resize: Resize = "keep", first: bool = False, narrow: bool = False
    ) -> None:
        super().__init__()
        middle = inputs if narrow and resize == "halve" else outputs
        self.resize, self.first = resize, first
        self.norm1 = _build_norm("none" if first else norm, inputs)
        self.conv1 = spectral_conv(inputs, middle)
        self.norm2 = _build_norm(norm, middle)
        self.conv2 = spectral_conv(middle, outputs)
        is_identity = inputs == outputs and resize == "keep"
        self.shortcut = nn.Identity() if is_identity else spectral_conv(inputs, outputs, 1)

    def forward(self, x: Tensor, person: Iterator[Tensor] | None = None) -> Tensor:
        y = x if self.first else F.relu(self.norm1(x, person))
        if self.resize == "double":
            y = F.interpolate(y, scale_factor=2.0, mode="nearest")
        y = self.conv2(F.relu(self.norm2(self.conv1(y), person)))
        # A 1x1 convolution commutes with both ways to resize: it is done where there are fewer pixels.
        if self.resize == "halve":
            return F.avg_pool2d(y, 2) + self.shortcut(F.avg_pool2d(x, 2))
        if self.resize == "double":
            return y + F.interpolate(self.shortcut(x), scale_factor=2.0, mode="nearest")
        return y + self.shortcut(x)


class SelfAttention(nn.Module):
    """Self-attention over all positions (SAGAN, with BigGAN's pooled keys); starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = spectral_conv(channels, channels // 8, 1)
        self.key = spectral_conv(channels, channels // 8, 1)
        self.value = spectral_conv(channels, channels // 2, 1)
        self.out = spectral_conv(channels // 2, channels, 1)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2).mT
        key = F.max_pool2d(self.key(x), 2).flatten(2).mT
        value = F.max_pool2d(self.value(x), 2).flatten(2).mT
        result = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.gain * self.out(result.mT.reshape(len(x), -1, *x.shape[2:]))


class DownsamplingEncoder(nn.Module):
    """A pyramid of residual blocks, each half the size of the one before: (B, inputs, S, S) -> features.

    Args:
        inputs: channels of the pictures.
        widths: channels of each scale, finest first.
        side: S in pixels.
        stem: pixels of ``stem`` x ``stem`` become channels at the entrance; the first scale is S / stem then,
            and S / 2 without a stem.
        attention_at: side of the feature map that attends to itself, or None.
    """

    def __init__(
        self,
        inputs: int,
        widths: tuple[int, ...],
        side: int,
        stem: int,
        norm: Norm,
        narrow: bool,
        attention_at: int | None,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        self.attention = nn.ModuleDict()
        channels = inputs
        for scale, width in enumerate(widths):
            if scale == 0 and stem > 1:
                entrance = spectral_conv(inputs * stem**2, width)
                self.blocks.append(nn.Sequential(nn.PixelUnshuffle(stem), entrance))
                side //= stem
            else:
                self.blocks.append(ResidualBlock(channels, width, norm, "halve", first=scale == 0, narrow=narrow))
                side //= 2
            if side == attention_at:
                self.attention[str(scale)] = SelfAttention(width)
            channels = width

    def forward(self, x: Tensor) -> list[Tensor]:
        # Channels last is what CPUs and tensor cores are fast at; everything behind follows the input.
        x = x.contiguous(memory_format=torch.channels_last)
        features = []
        for scale, block in enumerate(self.blocks):
            x = block(x)
            if str(scale) in self.attention:
                x = self.attention[str(scale)](x)
            features.append(x)
        return features
