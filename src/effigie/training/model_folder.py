"""The folder of a trained model: its configuration, its weights, and who may write into it.

``config.json`` says how the networks are built, ``manifest.json``, which is written last, what they were trained on.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from effigie.errors import ModelError
from effigie.io.atomic_write import atomic_write, read_json, require_empty_folder, write_json
from effigie.io.folder_names import CONFIG
from effigie.io.tensors import load_tensors, serialize_tensors

VERSION = 1
Parsed = TypeVar("Parsed")


def get_shipped_folder(package: str) -> Path:
    """The folder of the model that comes with ``heads`` or ``occlusion``."""
    folder = Path(str(importlib.resources.files(f"effigie.{package}") / "shipped"))
    if not (folder / CONFIG).is_file():
        raise ModelError(f"this installation of effigie lacks its {package} model: install it again")
    return folder


def save_config(folder: Path, kind: str, **values: Any) -> None:
    """Write how the networks of a model of this kind are built, as JSON values."""
    write_json(folder / CONFIG, {"version": VERSION, "kind": kind, **values})


def load_config(folder: Path, kind: str, command: str, parse: Callable[[dict[str, Any]], Parsed]) -> Parsed:
    """What ``parse`` makes of the configuration of a model of this kind.

    Args:
        command: that trains such models, for messages.

    Raises:
        ModelError: no model there, damaged, of another kind, or written by a newer effigie.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(f"{folder} is not a model: it has no {CONFIG}; train one with `{command}`")
    try:
        config = read_json(path)
        version, model_kind = int(config["version"]), config["kind"]
        if version <= VERSION and model_kind == kind:
            return parse(config)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path} is damaged ({error}): train again into a new folder") from error
    if version > VERSION:
        raise ModelError(f"{folder} was made by a newer effigie (version {version}, this one reads {VERSION}): update")
    raise ModelError(f"{folder} holds a {model_kind} model, not one of kind {kind}")


def check_output(
    folder: Path,
    load: Callable[[Path], Any],
    reference: Mapping[str, Any] = {},
    difference: str = "",
    label: str = "a model",
) -> None:
    """Refuse to train into a folder that holds another model or anything else.

    Args:
        load: reads the configuration of a model that is there already.
        reference: what must stand in it.
        difference: in what another one differs, in words.
        label: the output is to become.

    Raises:
        ModelError: another model lies there.
        UsageError: something else does.
    """
    if not (folder / CONFIG).is_file():
        require_empty_folder(folder, label)
        return
    config = load(folder)
    if any(config.get(name) != value for name, value in reference.items()):
        raise ModelError(f"{folder} holds a model of {difference}: choose another folder")


def require_weights(path: Path, command: str) -> None:
    """Raise a ModelError unless the weights have been written."""
    if not path.is_file():
        raise ModelError(f"{path.parent} is not trained yet: run `{command}` again to go on")


def save_weights(path: Path, tensors: Mapping[str, Tensor], half: bool = True) -> None:
    """Write tensors, whole or not at all; float32 as fp16, but for tensors with values beyond its range (65504)."""
    stored = {name: to_half(tensor) if half else tensor for name, tensor in tensors.items()}
    with atomic_write(path) as temporary:
        temporary.write_bytes(serialize_tensors(stored))


def load_weights(path: Path, network: nn.Module, optional: Collection[str] = ()) -> None:
    """Fill a network with stored weights, freeze it and put it in evaluation mode.

    Args:
        optional: parts of names of tensors that the file may lack; what the network has there stays.

    Raises:
        ModelError: missing, damaged, or of another network.
    """
    try:
        tensors = load_tensors(path)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise _damage_error(path, error) from error
    fill_network(network, tensors, path, optional)


def fill_network(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, optional: Collection[str] = ()) -> None:
    """Fill a network with the tensors that were stored in ``path``; see :func:`load_weights`."""
    try:
        tensors = {name: convert_stored(network, name, value).float() for name, value in tensors.items()}
        missing, unknown = network.load_state_dict(tensors, strict=False)
        missing = [name for name in missing if not any(part in name for part in optional)]
        if missing or unknown:
            raise ValueError(f"tensors do not fit: {[*missing, *unknown][0]}")
    except (ValueError, RuntimeError) as error:
        raise _damage_error(path, error) from error
    network.eval().requires_grad_(False)


def _damage_error(path: Path, error: Exception) -> ModelError:
    return ModelError(f"{path} is damaged ({str(error).splitlines()[0]}): get the model again")


def convert_stored(network: nn.Module, name: str, tensor: Tensor) -> Tensor:
    """What was stored of a network's tensor, or of a moment of it, in the layout that the network has today.

    A network whose layout has changed has a method ``convert_stored(name, tensor)`` for it.
    """
    convert = getattr(network, "convert_stored", None)
    return tensor if convert is None else convert(name, tensor)


def to_half(tensor: Tensor) -> Tensor:
    """A float32 tensor as fp16, but for values beyond its range; others as they are."""
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if bool(half.isfinite().all()) else tensor
