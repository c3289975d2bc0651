"""Writes reference.md: every public name with the first line of its docstring. `make reference`."""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from pathlib import Path

PACKAGES = [
    "effigie",
    "effigie.faceset",
    "effigie.swap",
    "effigie.heads",
    "effigie.dubbing",
    "effigie.occlusion",
    "effigie.consent",
    "effigie.provenance",
    "effigie.evaluate",
    "effigie.media",
    "effigie.speech",
    "effigie.compositing",
    "effigie.training",
    "effigie.execution",
    "effigie.studio",
]


def first_line(value: object) -> str:
    """The first line of a docstring; of a constant, nothing."""
    if not (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)):
        return ""
    line = (inspect.getdoc(value) or "").split("\n")[0].replace("|", "\\|")
    return re.sub(r":\w+:`~?([\w.]+)`", r"`\1`", line)


def signature(value: object) -> str:
    """Names of a function's arguments; of a class, nothing."""
    if not inspect.isfunction(value):
        return ""
    names = []
    for name, parameter in inspect.signature(value).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD and "Unpack" in str(parameter.annotation):
            options = typing.get_args(typing.get_type_hints(value, include_extras=True)[name])[0]
            names += options.__annotations__
        else:
            names.append(name)
    return f"({', '.join(names)})"


def reference() -> str:
    """The page."""
    lines = ["# Reference", "", "Written by `make reference` from the docstrings, which say more.", ""]
    for name in PACKAGES:
        package = importlib.import_module(name)
        lines += [f"## {name}", "", first_line(package), "", "| name | |", "|---|---|"]
        for member in sorted(set(package.__all__)):
            value = getattr(package, member)
            lines.append(f"| `{member}{signature(value)}` | {first_line(value)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("reference.md").write_text(reference(), "utf-8")
