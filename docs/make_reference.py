"""Writes reference.md: every public name with the first line of its docstring. `make reference`."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

PACKAGES = [
    "effigie",
    "effigie.faceset",
    "effigie.swap",
    "effigie.heads",
    "effigie.occlusion",
    "effigie.consent",
    "effigie.provenance",
    "effigie.evaluate",
    "effigie.media",
    "effigie.compositing",
    "effigie.training",
    "effigie.execution",
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
    return f"({', '.join(inspect.signature(value).parameters)})"


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
