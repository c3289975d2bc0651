"""Tests of the inspector: every setting has a control, and every end of a slider is a value that can be set."""

from __future__ import annotations

from pathlib import Path

import pytest

from effigie.compositing import ComposeSettings
from effigie.errors import UsageError
from effigie.swap import PersonAssignment
from effigie.swap.editing.project import Project, describe_project, read_project
from effigie.swap.preview.inspector import describe_controls

HERE = Path("/work/scene.toml")
CONTROLS = list(describe_controls())


def set_value(path: list[str], value: object) -> Project:
    """A project in which one value of compositing is set."""
    values = describe_project(Project(Path("a.mp4"), (PersonAssignment(Path("anna")),)), HERE.parent)
    table = values["compose"]
    for name in path[:-1]:
        table = table[name]
    assert path[-1] in table
    table[path[-1]] = value
    return read_project(values, HERE)


def test_every_value_of_a_project_file_has_a_control() -> None:
    values = describe_project(Project(Path("a.mp4"), (PersonAssignment(Path("anna")),)), HERE.parent)["compose"]
    leaves = {(name, *inner) for name, value in values.items() for inner in walk(value)}
    assert {tuple(control["path"]) for control in CONTROLS} == leaves


def walk(value: object) -> list[tuple[str, ...]]:
    return [()] if not isinstance(value, dict) else [(name, *rest) for name in value for rest in walk(value[name])]


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: ".".join(control["path"]))
def test_what_a_control_offers_can_be_set_and_nothing_beyond(control: dict) -> None:
    offered = control.get("choices") or [control["low"], control["high"]]
    for value in offered:
        assert set_value(control["path"], value).settings.compose != ComposeSettings() or value == control["first"]
    if "low" in control and control["label"] not in ("color over", "steadiness", "interval"):
        for value in (control["low"] - 0.51, control["high"] + 0.51):
            with pytest.raises(UsageError):
                set_value(control["path"], value)
    assert control["help"].endswith(".") and len(control["label"]) < 24
