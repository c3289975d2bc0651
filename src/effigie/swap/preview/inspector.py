"""What an inspector of a project shows: a control for each setting of compositing, made from its field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from effigie.compositing import ComposeSettings
from effigie.field_docs import format_help, read_attribute_docs
from effigie.io.stored_names import stored_name

PANELS = {"ComposeSettings": "Picture", "MaskSettings": "Mask", "GrainSettings": "Sharpness and grain"}
PLAIN_WORDS = {"color_time": "color over", "temporal": "steadiness", "occlusion": "what covers"}


def describe_controls(settings: Any = None, path: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """A control for each field of settings, nested ones included; by default those of :class:`ComposeSettings`.

    Each is JSON: ``path`` (names in a project file's table), ``label``, ``help``, ``panel``, ``first`` (the default),
    and ``choices`` or ``low``, ``high`` and ``step``.
    """
    settings = settings or ComposeSettings()
    owner = type(settings)
    hints, documented = get_type_hints(owner), read_attribute_docs(owner)
    for field in fields(settings):
        default, names = getattr(settings, field.name), (*path, stored_name(field))
        if is_dataclass(default):
            yield from describe_controls(default, names)
            continue
        control = {
            "path": list(names),
            "label": PLAIN_WORDS.get(field.name, field.name.replace("_", " ")),
            "help": format_help(documented[field.name]),
            "panel": PANELS[owner.__name__],
            "first": default,
        }
        if get_origin(hints[field.name]) is not None or "choices" in field.metadata:
            yield control | {"choices": list(field.metadata.get("choices") or get_args(hints[field.name]))}
        else:
            low, high = field.metadata["range"]
            yield control | {"low": low, "high": high, "step": 1 if isinstance(default, int) else (high - low) / 200}
