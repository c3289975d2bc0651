"""Saves and loads voices.

A folder: ``config.json``, ``voice.safetensors`` (style, adapters), ``set.parquet`` (utterances),
``consents/`` and ``manifest.json``. It is personal data in the plainest sense.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from effigie.consent.gate import ConsentLike, permit_stock_voice
from effigie.errors import ModelError, UsageError
from effigie.io.atomic_write import read_json, sha256
from effigie.io.folder_names import CONFIG, MANIFEST
from effigie.io.tensors import load_tensors
from effigie.progress import ProgressCallback, ignore_progress
from effigie.training.model_folder import load_config, require_weights, save_config, save_weights
from effigie.voice.adapters import apply_adapters
from effigie.voice.exemplars import Exemplars
from effigie.voice.melody import Melody
from effigie.voice.network.layers import STYLE_SIZE
from effigie.voice.pretrained import load_speech_network
from effigie.voice.stock_names import STOCK_VOICES
from effigie.voice.stock_voices import list_bases, load_stock_voice
from effigie.voice.voice_model import VoiceModel

LOG = logging.getLogger(__name__)

VOICE, KIND, COMMAND = "voice.safetensors", "voice", "effigie voice learn"
_ADAPTER, _EXEMPLAR = "adapter.", "exemplar."


@dataclass(frozen=True)
class VoiceConfig:
    """What ``config.json`` says.

    Attributes:
        base: name of the voice it began with.
        melody: of the person.
        tempo: durations of the person against the base's.
    """

    base: str
    melody: Melody
    tempo: float


def save_voice_config(folder: Path, config: VoiceConfig) -> None:
    """Write how the voice is built."""
    melody = {"mean": config.melody.mean, "spread": config.melody.spread}
    save_config(folder, KIND, base=config.base, melody=melody, tempo=config.tempo)


def load_voice_config(folder: Path) -> VoiceConfig:
    """The checked contents of ``config.json``.

    Raises:
        ModelError: no voice, damaged, or of a newer version.
    """

    def parse(values: dict[str, Any]) -> VoiceConfig:
        base, tempo = str(values["base"]), float(values["tempo"])
        melody = Melody(float(values["melody"]["mean"]), float(values["melody"]["spread"]))
        if base not in (*STOCK_VOICES, *list_bases()):
            raise ValueError(f"it begins with the voice {base!r}, which is not known")
        if not 0.2 < tempo < 5 or not 3 < melody.mean < 7 or not 0 <= melody.spread < 2:
            raise ValueError("a value is out of range")
        return VoiceConfig(base, melody, tempo)

    return load_config(folder, KIND, COMMAND, parse)


def save_voice(
    folder: Path,
    timbre: Tensor,
    adapters: Mapping[str, Tensor],
    exemplars: Exemplars | None,
    subject: Mapping[str, Tensor],
) -> None:
    """Write what was learned, and who the voice is, fp16."""
    tensors = {"timbre": timbre.detach(), **{_ADAPTER + name: tensor for name, tensor in adapters.items()}, **subject}
    if exemplars is not None:
        tensors |= {_EXEMPLAR + name: tensor for name, tensor in exemplars.to_tensors().items()}
    save_weights(folder / VOICE, tensors)


def load_voice(
    voice: str | Path | VoiceModel,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
) -> VoiceModel:
    """A voice by its folder, a stock voice by its name, or the voice itself.

    Raises:
        RefusedError: no valid consent.
        ModelError: missing, damaged, no voice, or of a newer version.
        UsageError: neither a folder nor a stock voice's name.
    """
    if isinstance(voice, VoiceModel):
        return voice
    if str(voice) in STOCK_VOICES and not (Path(voice) / CONFIG).is_file():
        network = load_speech_network(progress)
        base = load_stock_voice(str(voice))
        return VoiceModel(base.name, network, network.decoder, base, permit_stock_voice(base.name))
    folder = Path(voice)
    if not folder.exists():
        raise UsageError(f"{folder} is neither a voice's folder nor a stock voice: {', '.join(STOCK_VOICES)}")
    return _load_folder(folder, consent, purpose, progress)


def _load_folder(folder: Path, consent: ConsentLike, purpose: str | None, progress: ProgressCallback) -> VoiceModel:
    from effigie.voice.consent import load_subject, permit_voice_model

    config = load_voice_config(folder)
    require_weights(folder / VOICE, COMMAND)
    try:
        tensors = load_tensors(folder / VOICE)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damage_error(folder, error) from error
    subject = load_subject({name: tensor.float().numpy() for name, tensor in tensors.items()}, folder)
    permit = permit_voice_model(folder, subject, consent=consent, purpose=purpose)
    network = load_speech_network(progress)
    try:
        timbre = tensors["timbre"].float()
        if timbre.shape != (1, STYLE_SIZE):
            raise ValueError(f"the style has the shape {tuple(timbre.shape)}")
        decoder = apply_adapters(network.decoder, _select(tensors, _ADAPTER))
        stored = _select(tensors, _EXEMPLAR)
        exemplars = Exemplars.from_tensors(stored) if stored else None  # older voices have none
    except (KeyError, ValueError) as error:
        raise _damage_error(folder, error) from error
    LOG.info("loaded the voice %s", folder)
    manifest = sha256(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    return VoiceModel(
        folder.name,
        network,
        decoder,
        load_stock_voice(config.base),
        permit,
        timbre,
        config.melody,
        config.tempo,
        exemplars,
        manifest,
    )


def _select(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}


def _damage_error(folder: Path, error: Exception) -> ModelError:
    reason = str(error).splitlines()[0]
    return ModelError(f"{folder} is damaged ({reason}): learn the voice again into a new folder")


def describe_voice(folder: str | Path) -> dict[str, Any]:
    """What a voice was learned from; its sound is not loaded, and no consent is asked.

    Raises:
        ModelError: no voice there, or damaged.
    """
    folder = Path(folder)
    config = load_voice_config(folder)
    try:
        manifest = read_json(folder / MANIFEST)
        return {
            "voice": folder.name,
            "learned": str(manifest["created"]),
            "consents": [str(one) for one in manifest["consents"]],
            "recordings": [str(one["name"]) for one in manifest["recordings"]],
            "base": config.base,
            "median_f0_hz": round(math.exp(config.melody.mean)),
            "steps": int(manifest["steps"]),
            "held_out_error": round(float(manifest["held_out"]["best"]), 3),
            "missing_phonemes": str(manifest["missing_phonemes"]),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damage_error(folder, error) from error
