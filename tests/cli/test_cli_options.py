"""Options are the settings: their defaults, choices and documentation; one name means one thing in all commands."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

import effigie
from effigie.cli import options
from effigie.cli.app import app
from effigie.cli.consent import TermOptions
from effigie.compositing import BLEND_METHODS, COLOR_METHODS
from effigie.execution.job import CONTAINERS
from effigie.heads import Controls
from effigie.heads.meta_learning.config import CONTENT_LOSSES
from effigie.heads.presets import PRESETS as HEADS_PRESETS
from effigie.occlusion import OcclusionSettings
from effigie.swap.presets import PRESETS as SWAP_PRESETS

SETTINGS = (
    effigie.AnimateSettings,
    effigie.ConvertSettings,
    effigie.DubSettings,
    effigie.ExtractSettings,
    effigie.JobSettings,
    effigie.MetaSettings,
    effigie.PretrainSettings,
    effigie.LearnSettings,
    effigie.SpeakSettings,
    effigie.VoiceConvertSettings,
    effigie.SwapSettings,
    effigie.TuneSettings,
    OcclusionSettings,
    TermOptions,
)
# What the help of an option says in every command, where it is not the same to the letter.
SENSES = {
    "--adversary": "",  # a share of train's, but one of several of meta-train's: scripts use both
    "--batch": "a step",
    "--by": "sort|sharpness",
    "--content": "content loss",
    "--count": "",  # lines or faces
    "--crf": "Quality",
    "--every": "every n-th frame",
    "--key": "key",
    "--learning-rate": "Of ",
    "--lips": "p, b and m",
    "--masks": "masks|grey PNG",
    "--minutes": "How long to train",
    "--occlusion": "hands",
    "--output": "folder|file|picture|write|Keep|Draw|face set|.wav",
    "--person": "face|person",
    "--phonemes": "p, b and m",
    "--preset": "128 px",
    "--prior": "as extra input",
    "--purpose": "for",
    "--sheet": "frames|faces|spectrogram",
    "--shots": "pictures",
    "--size": "pixels|px",
    "--source": "person",
    "--source-person": "[Pp]erson",
    "--speech": "a sound or video file",
    "--steps": "How many steps",
    "--target": "footage|in the input",
    "--target-person": "[Pp]erson",
    "--voice": "voice|recording",
    "--where": "these",
    "--workers": "at a time",
}
TWO_TYPES = {"--adversary", "--shots"}  # evaluate heads measures several --shots, with commas between


def commands(typer_app, prefix=""):
    """(name, function) of every command; the function takes its options one by one."""
    for info in typer_app.registered_commands:
        yield f"{prefix}{info.name}", options.with_options(getattr(info.cls, "wrapped", info.callback))
    for group in typer_app.registered_groups:
        yield from commands(group.typer_instance, f"{group.name} ")


def value_type(kind):
    """Type of one value: optional or not, repeated or not; what is written as text is text."""
    if get_origin(kind) is Literal:
        return "choice"
    of = [one for one in get_args(kind) if one is not NoneType]
    return value_type(of[0]) if of else "text" if kind in (str, Path) else kind.__name__


def option_uses():
    """Spelling of every long option -> [(command, type, help)]."""
    found = {}
    for name, function in commands(app):
        for parameter in inspect.signature(function, eval_str=True).parameters.values():
            kind, *info = get_args(parameter.annotation) or (None,)
            if not info or not isinstance(info[0], typer.models.OptionInfo):
                continue
            spelled = [one.strip(" /") for one in (info[0].default, *(info[0].param_decls or ())) if one is not ...]
            spelling = next((one for one in spelled if one.startswith("--")), "--" + parameter.name.replace("_", "-"))
            found.setdefault(spelling, []).append((name, value_type(kind), info[0].help))
    return found


def test_one_name_has_one_meaning():
    uses = option_uses()
    assert {"--device", "--json", "--frames", "--turned", "--absolute", "--erode"} <= set(uses)
    for spelling, found in uses.items():
        types = {kind for _, kind, _ in found}
        assert len(types) == 1 or spelling in TWO_TYPES, (spelling, found)
        helps = {text for *_, text in found}
        if len(helps) > 1:
            assert all(re.search(SENSES[spelling], text) for text in helps), (spelling, helps)


@pytest.mark.parametrize("kind", SETTINGS)
def test_options_are_the_settings(kind):
    made = list(options.read_options(kind()))
    for settings, field, parameter in made:
        assert parameter.default == getattr(settings, field.name)
        help_text = get_args(parameter.annotation)[-1].help
        assert len(help_text) > 5 and not re.search(r"``|\bNone\b|:\w+:`", help_text), help_text
    names = [parameter.name for *_, parameter in made]
    assert len(names) == len(set(names))
    assert options.replace_values(kind(), {one.name: one.default for *_, one in made}) == kind()


def nested(settings):
    yield settings
    for field in fields(settings):
        if is_dataclass(value := getattr(settings, field.name)):
            yield from nested(value)


def test_no_field_is_forgotten():
    """A field is an option, or named among those left out; the tables name nothing that is gone."""
    every = {type(one).__name__: one for kind in SETTINGS for one in nested(kind())}
    left_out = {(name, field) for name, names in options.LEFT_OUT.items() if name in every for field in names}
    made = {(type(one).__name__, field.name) for kind in SETTINGS for one, field, _ in options.read_options(kind())}
    skipped = {"GrainSettings"}  # left out as a whole
    for name, one in every.items():
        for field in fields(one):
            holds_options = is_dataclass(getattr(one, field.name))
            assert name in skipped or holds_options or ((name, field.name) in made) != ((name, field.name) in left_out)
    known = {field.name for one in every.values() for field in fields(one)}
    assert set(options.FLAGS) | set(options.METAVARS) | set(options.PANELS_OF_FIELDS) <= known
    assert set(options.LEFT_OUT) | set(options.PANELS) <= set(every)
    assert {field for _, field in left_out} <= known


def test_choices_are_those_there_are():
    def choices(settings, name):
        (found,) = (p.annotation for _, field, p in options.read_options(settings()) if field.name == name)
        kind = get_args(found)[0]
        return set(get_args(kind))

    assert choices(effigie.ConvertSettings, "color") == set(COLOR_METHODS)
    assert choices(effigie.ConvertSettings, "blend") == set(BLEND_METHODS)
    assert choices(effigie.SwapSettings, "preset") == set(SWAP_PRESETS)
    assert choices(effigie.MetaSettings, "preset") == set(HEADS_PRESETS)
    assert choices(effigie.MetaSettings, "content") == set(CONTENT_LOSSES)
    assert choices(effigie.TuneSettings, "content") == set(CONTENT_LOSSES)
    assert choices(effigie.JobSettings, "container") == set(CONTAINERS)
    assert get_type_hints(effigie.ConvertSettings)["extreme_pose"] == Literal["leave", "make"]


def test_options_reach_the_settings():
    got = {}
    alone = typer.Typer()

    def run(settings: effigie.ConvertSettings, controls: Controls, as_json: options.Json = False) -> None:
        got.update(settings=settings, controls=controls, as_json=as_json)

    alone.command()(options.with_options(run))
    line = "--frames 3 --turned make --crf 20 --feather 0.1 --label corner --color none --fast --absolute --head 0.5"
    ended = CliRunner().invoke(alone, line.split())
    assert ended.exit_code == 0, ended.output
    settings, controls = got["settings"], got["controls"]
    assert (settings.max_frames, settings.extreme_pose, settings.fast) == (3, "make", True)
    assert (settings.encode.crf, settings.compose.mask.feather, settings.compose.color) == (20, 0.1, "none")
    assert (settings.trust.label, settings.compose.blend) == ("corner", "multiband")
    assert (controls.relative, controls.head, got["as_json"]) == (False, 0.5, False)


def test_a_wrong_choice_shows_the_right_ones(here):
    ended = here("convert", "m", "a.mp4", "-o", "b.mp4", "--codec", "mpeg9")
    assert ended.code == 2
    assert all(codec in ended.err for codec in ("--codec", "h264", "hevc", "png"))


def test_long_lists_are_grouped(here):
    shown = re.sub(r"\x1b\[[\d;]*m", "", here("convert", "--help").out)
    for panel in ("Picture", "Mask", "Encoding", "Provenance and consent", "Jobs", "Hardware"):
        assert re.search(f"[─-] {panel} [─-]", shown)
