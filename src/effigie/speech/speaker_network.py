"""The second speaker encoder in torch, so that a voice can be fitted by it.

The same weights as ``voicefilter`` of :mod:`effigie.speech.speaker`, in floating point: cosines differ by what its
8-bit activations round away. A voice that was fitted by it must not be judged by it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from effigie.assets import fetch_asset
from effigie.errors import AssetError
from effigie.io.onnx import OnnxGraph, read_onnx
from effigie.speech.spectrogram import slaney_filters

RATE = 24000
WIDTH, BANDS, EMBEDDING_SIZE = 768, 40, 256
WINDOW_FRAMES = 80  # of 10 ms
# At 24 kHz, what the encoder takes at 16 kHz: the same 25 ms, 10 ms and steps of 31.25 Hz.
_TAPER, _FFT, _HOP, _BINS = 600, 768, 240, 257
_LEVEL = 10 ** (-30 / 20)  # root mean square, of full scale
_LSTMS = (("val_43", "val_44", "val_66"), ("val_106", "val_107", "val_129"), ("val_166", "val_167", "val_189"))


class SpeakerNetwork(nn.Module):
    """Who speaks, from samples of 24 kHz; differentiable."""

    def __init__(self) -> None:
        super().__init__()
        self.lstms = nn.ModuleList(nn.LSTM(inputs, WIDTH, batch_first=True) for inputs in (BANDS, WIDTH, WIDTH))
        self.project = nn.Linear(WIDTH, EMBEDDING_SIZE)
        self.bank: Tensor
        self.taper: Tensor
        self.register_buffer("bank", torch.from_numpy(slaney_filters(512, BANDS).astype(np.float32)))
        taper = np.pad(np.hamming(_TAPER + 1)[:-1], (_FFT - _TAPER) // 2)
        self.register_buffer("taper", torch.from_numpy(taper.astype(np.float32)))

    def forward(self, samples: Tensor) -> Tensor:
        """(n,) samples, 0.85 s or more -> (256,) of length one, of the 0.8 s in their middle."""
        leveled = samples * (_LEVEL / (samples.square().mean().sqrt() + 1e-6))
        spectrum = torch.stft(leveled, _FFT, _HOP, window=self.taper, center=False, return_complex=True).abs()
        power = (spectrum[:_BINS] * (2 / 3)) ** 2  # two thirds of the samples that the encoder would sum
        frames = torch.log10((self.bank @ power).T + 1e-10)
        start = max(0, (len(frames) - WINDOW_FRAMES) // 2)
        x = frames[None, start : start + WINDOW_FRAMES]
        for lstm in self.lstms:
            x = lstm(x)[0]
        return F.normalize(self.project(x[0, -1]), dim=0)


@lru_cache(maxsize=1)
@torch.inference_mode(False)  # it is kept for fits, whoever asks for it first
def load_speaker_network() -> SpeakerNetwork:
    """The network, whose weights are not to be trained.

    Raises:
        AssetError: it cannot be fetched, or is not what it should be.
    """
    network = SpeakerNetwork()
    try:
        graph = read_onnx(fetch_asset("speaker_voicefilter"))
        for lstm, names in zip(network.lstms, _LSTMS, strict=True):
            _fill(lstm, graph, names)
        weight = graph.dequantize("proj.linear_layer.weight_quantized").T
        network.project.weight.data = torch.from_numpy(weight.copy())
        network.project.bias.data = torch.from_numpy(graph.constants["proj.linear_layer.bias"].copy())
    except (KeyError, ValueError, RuntimeError) as error:
        raise AssetError(
            f"the encoder of voices cannot be loaded ({error}): clear the cache and fetch it again"
        ) from error
    return network.requires_grad_(False).eval()


def _fill(lstm: nn.Module, graph: OnnxGraph, names: tuple[str, str, str]) -> None:
    """Weights of ONNX's LSTM, whose gates come as input, output, forget, cell, in torch's order."""
    inputs, recurrent = (graph.dequantize(f"{name}_quantized")[0].T for name in names[:2])
    biases = np.split(graph.constants[names[2]][0], 2)
    for name, values in (
        ("weight_ih", inputs),
        ("weight_hh", recurrent),
        ("bias_ih", biases[0]),
        ("bias_hh", biases[1]),
    ):
        gates = np.split(values, 4)
        ordered = np.concatenate([gates[index] for index in (0, 2, 3, 1)])
        getattr(lstm, f"{name}_l0").data = torch.from_numpy(np.ascontiguousarray(ordered))
