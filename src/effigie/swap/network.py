"""The swap network: one encoder for both people, a decoder for each, which blends in the prior.

Shapes follow what CPUs are good at: pixels become channels at the entrance (PixelUnshuffle) and channels pixels at
the exit (PixelShuffle), so that nearly all arithmetic happens at a quarter of the resolution and below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PRIOR_CHANNELS = 4  # warped picture and its visibility
SLOPE = 0.1
MASK_LAYERS = ("source.finish.0.", "target.finish.0.")  # made a mask too, once


@dataclass(frozen=True)
class DecoderOutput:
    """Output of a decoder.

    Attributes:
        picture: (B, 3, S, S) in [0, 1].
        blend_weight: (B, 1, S, S) in [0, 1], how much of the prior the picture holds; zeros without a prior.
    """

    picture: Tensor
    blend_weight: Tensor


def _act() -> nn.Module:
    return nn.LeakyReLU(SLOPE, inplace=True)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = _act()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x + self.second(self.act(self.first(x))))


class BottleneckBlock(nn.Module):
    """A 3x3 convolution of half the channels, between two of 1x1, around a shortcut: a fifth of the arithmetic."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(channels, channels // 2, 1)
        self.middle = nn.Conv2d(channels // 2, channels // 2, 3, padding=1)
        self.grow = nn.Conv2d(channels // 2, channels, 1)
        self.act = _act()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x + self.grow(self.act(self.middle(self.act(self.shrink(x))))))


BLOCKS: dict[str, type[nn.Module]] = {"plain": ResidualBlock, "bottleneck": BottleneckBlock}


class Encoder(nn.Module):
    """(B, 3, S, S) in [0, 1] -> (B, 2 width, S/32, S/32): what both people have in common, pose and expression."""

    def __init__(self, width: int, stem: int, block: str) -> None:
        super().__init__()
        residual = BLOCKS[block]
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(stem),
            nn.Conv2d(3 * stem**2, width, 3, padding=1),
            _act(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            _act(),
            residual(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
            _act(),
            nn.Conv2d(4 * width, 4 * width, 3, stride=2, padding=1),
            _act(),
            residual(4 * width),
            nn.Conv2d(4 * width, 2 * width, 1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture - 0.5)


class Decoder(nn.Module):
    """(B, 2 width, S/32, S/32) and the prior (B, 4, S, S) -> :class:`DecoderOutput`.

    The picture is the prior where ``blend_weight`` is high and the prior is visible, and generated elsewhere:
    what geometry already shows sharply need not be learned.
    """

    def __init__(self, width: int, depth: int, stem: int, prior: bool, block: str = "plain") -> None:
        super().__init__()
        residual = BLOCKS[block]
        self.grow = nn.Sequential(
            nn.Conv2d(2 * width, 4 * width, 3, padding=1),
            _act(),
            nn.Conv2d(4 * width, 16 * width, 1),
            nn.PixelShuffle(2),
            _act(),
            residual(4 * width),
            nn.Conv2d(4 * width, 8 * width, 3, padding=1),
            nn.PixelShuffle(2),
            _act(),
            residual(2 * width),
            nn.Conv2d(2 * width, 8 * width, 3, padding=1),
            nn.PixelShuffle(2),
            _act(),
        )
        self.look = (
            nn.Sequential(nn.PixelUnshuffle(stem), nn.Conv2d(PRIOR_CHANNELS * stem**2, 2 * width, 3, padding=1), _act())
            if prior
            else None
        )
        joined = 4 * width if prior else 2 * width
        self.paint = nn.Sequential(
            nn.Conv2d(joined, 2 * width, 1), _act(), *(residual(2 * width) for _ in range(depth))
        )
        outputs = 4 if prior else 3  # picture, blend weight
        self.finish = nn.Sequential(nn.Conv2d(2 * width, outputs * stem**2, 3, padding=1), nn.PixelShuffle(stem))

    def forward(self, code: Tensor, prior: Tensor | None = None) -> DecoderOutput:
        features = self.grow(code)
        if self.look is not None:
            if prior is None or prior.shape[1] != PRIOR_CHANNELS:
                shape = None if prior is None else tuple(prior.shape)
                raise ValueError(f"this decoder needs a prior of shape (B, {PRIOR_CHANNELS}, S, S), not {shape}")
            features = torch.cat([features, self.look(prior - 0.5)], dim=1)
        out = self.finish(self.paint(features)).float()
        if prior is None:
            # Torch rounds the sigmoid of a part otherwise than that of a whole tensor, and a mask once stood behind
            # the picture: frames of models made then stay the same to the last bit.
            generated = F.pad(out, (0, 0, 0, 0, 0, 1))[:, :3].sigmoid()
            return DecoderOutput(generated, torch.zeros_like(out[:, :1]))
        generated = out[:, :3].sigmoid()
        # The bias makes the blend weight high at first: the prior is right almost everywhere.
        blend_weight = (out[:, 3:4] + 2).sigmoid() * prior[:, 3:4]
        return DecoderOutput(blend_weight * prior[:, :3] + (1 - blend_weight) * generated, blend_weight)


class PretrainedNet(nn.Module):
    """Encoder and decoder of nobody in particular: what pretraining learns, and training of a swap starts from.

    Args:
        width, depth, stem, block: see :class:`effigie.swap.presets.SwapPreset`.
    """

    def __init__(self, width: int, depth: int, stem: int, block: str = "plain") -> None:
        super().__init__()
        self.encoder = Encoder(width, stem, block)
        self.decoder = Decoder(width, depth, stem, True, block)

    def forward(self, picture: Tensor, prior: Tensor) -> DecoderOutput:
        """As :meth:`SwapNet.forward`, of anybody."""
        output: DecoderOutput = self.decoder(self.encoder(picture), prior)
        return output


class SwapNet(nn.Module):
    """One shared encoder, a decoder for the source and one for the target.

    Args:
        width, depth, stem, block: see :class:`effigie.swap.presets.SwapPreset`.
        prior: whether the decoders see the warped source.
    """

    def __init__(self, width: int, depth: int, stem: int, prior: bool, block: str = "plain") -> None:
        super().__init__()
        self.encoder = Encoder(width, stem, block)
        self.source = Decoder(width, depth, stem, prior, block)
        self.target = Decoder(width, depth, stem, prior, block)
        self.stem = stem

    def convert_stored(self, name: str, tensor: Tensor) -> Tensor:
        """A stored tensor, or a moment of it, in today's layout.

        Decoders of version 0.1 also made a mask, which nothing read: its channels lie behind those of the picture.
        """
        pixels = self.stem**2
        own = self.state_dict()[name] if name.startswith(MASK_LAYERS) else None
        if own is None or tensor.ndim == 0 or len(tensor) != len(own) + pixels:
            return tensor
        return torch.cat([tensor[: 3 * pixels], tensor[4 * pixels :]])

    def start_from(self, pretrained: PretrainedNet) -> None:
        """Take over pretrained weights; both decoders begin alike."""
        self.encoder.load_state_dict(pretrained.encoder.state_dict())
        for decoder in (self.source, self.target):
            decoder.load_state_dict(pretrained.decoder.state_dict())

    def forward(self, picture: Tensor, prior: Tensor | None, person: str) -> DecoderOutput:
        """Decode as ``person`` (``source`` or ``target``).

        Args:
            picture: (B, 3, S, S) RGB in [0, 1], S a multiple of 32.
            prior: (B, 4, S, S) warped RGB in [0, 1] and visibility, or None if the network takes none.
        """
        if picture.ndim != 4 or picture.shape[1] != 3 or picture.shape[2] % 32 or picture.shape[3] % 32:
            raise ValueError(f"picture must be (B, 3, S, S) with S a multiple of 32, not {tuple(picture.shape)}")
        decoder = self.source if person == "source" else self.target
        return decoder(self.encoder(picture), prior)

    def decode_both(
        self, pictures: Mapping[str, Tensor], priors: Mapping[str, Tensor | None]
    ) -> dict[str, DecoderOutput]:
        """Decode each person's pictures with their own decoder, encoded in one go: for training, a twentieth faster
        than one after the other.

        Args:
            pictures, priors: as in :meth:`forward`, by person.
        """
        codes = self.encoder(torch.cat(list(pictures.values()))).split([len(p) for p in pictures.values()])
        decoders = {"source": self.source, "target": self.target}
        return {person: decoders[person](code, priors[person]) for person, code in zip(pictures, codes, strict=True)}
