"""Options made of the fields of settings classes: type, default, choices and help are written once, in the settings.

A parameter of a command whose type is a settings class stands for an option per field, those of nested settings
included; the command is called with the settings object. The help is the field's entry under ``Attributes:`` in the
class's docstring, or its ``metadata["help"]``; choices are its ``Literal``, or its ``metadata["choices"]``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import Field, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, get_type_hints

import typer
from rich.markup import escape
from typer.core import TyperCommand

from effigie.field_docs import format_help, read_attribute_docs

TRUST = "Provenance and consent"
JOBS = "Jobs"
HARDWARE = "Hardware"

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Purpose = Annotated[
    str | None, typer.Option(help="What it is for, if a consent is limited to that.", rich_help_panel=TRUST)
]
Consents = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RECORD",
        help="Consent of the person shown, file or id; by default the model's own, or looked for.",
        rich_help_panel=TRUST,
    ),
]
Device = Annotated[
    str, typer.Option(help="Torch device; auto takes CUDA, then MPS, then the CPU.", rich_help_panel=HARDWARE)
]
Seed = Annotated[int, typer.Option(help="Of every random choice.")]

# Fields that are no option: for Python and project files alone, or given in a way of the command's own.
LEFT_OUT = {
    "ComposeSettings": {"grain", "color_time", "temporal", "motion_blur"},
    "Controls": {"ease"},
    "ConvertSettings": {"shots", "strokes"},
    "EncodeSettings": {"preset", "pixel_format", "keep_audio", "threads"},
    "MaskSettings": {"top", "bottom", "left", "right", "occlusion_feather"},  # of the sides: --erode
    "MetaSettings": {"held_out"},
    "OcclusionSettings": {"held_out"},
    "PretrainSettings": {"held_out"},
    "SwapSettings": {"held_out", "bank"},
    "TrustSettings": {"label_text", "watermark"},
    "TuneSettings": {"batch"},
}
# Fields whose option has a name of its own.
FLAGS = {
    "begins": "--from",
    "extreme_pose": "--turned",
    "frame_interval": "--every",
    "max_frames": "--frames",
    "min_face_size": "--smallest",
    "neutral_frame": "--neutral",
    "relative": " /--absolute",  # the option switches it off
    "timestamp_authority": "--timestamp",
}
METAVARS = {
    "basis": "TEXT",
    "begins": "DATE",
    "certificate": "PEM",
    "engine": "ENGINE",
    "evidence": "FILE",
    "heads": "HEADS",
    "key": "PEM",
    "layers": "FOLDER",
    "phonemes": "JSON",
    "mask_clip": "MASKCLIP",
    "neutral_frame": "FRAME",
    "save_motion": "FILE",
    "territory": "NAME",
    "timestamp_authority": "URL",
    "until": "DATE",
    "uses": "LIST",
}
PANELS = {
    "ComposeSettings": "Picture",
    "Controls": "Motion",
    "EncodeSettings": "Encoding",
    "JobSettings": JOBS,
    "MaskSettings": "Mask",
    "SoundSettings": "Encoding",
    "SpeechSettings": "Speech",
    "TrustSettings": TRUST,
}
PANELS_OF_FIELDS = {
    "layers": "Encoding",
    **dict.fromkeys(("mask_clip", "masks"), "Mask"),
    **dict.fromkeys(("workers", "engine", "retries"), JOBS),
    **dict.fromkeys(("device", "precision", "threads"), HARDWARE),
}


def read_options(settings: Any) -> Iterator[tuple[Any, Field[Any], inspect.Parameter]]:
    """Each option of a settings object, nested ones included: the object, its field, and the parameter for Typer."""
    owner = type(settings)
    hints, documented = get_type_hints(owner), read_attribute_docs(owner)
    for field in list_fields(settings):
        default = getattr(settings, field.name)
        if is_dataclass(default):
            yield from read_options(default)
            continue
        kind = hints[field.name]
        if "choices" in field.metadata:
            kind = Literal[tuple(field.metadata["choices"])]
        option = typer.Option(
            FLAGS.get(field.name, "--" + field.name.replace("_", "-")),
            metavar=METAVARS.get(field.name),
            show_default=not isinstance(default, bool),
            help=escape(field.metadata.get("help") or format_help(documented.get(field.name, ""))),
            rich_help_panel=PANELS_OF_FIELDS.get(field.name, PANELS.get(owner.__name__)),
        )
        yield (
            settings,
            field,
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option], default=default
            ),
        )


def list_fields(settings: Any) -> list[Field[Any]]:
    """Fields that are options or hold some."""
    left_out = LEFT_OUT.get(type(settings).__name__, set())
    return [field for field in fields(settings) if field.name not in left_out]


def replace_values(settings: Any, values: dict[str, Any]) -> Any:
    """The settings with the values of their options, by the fields' names; the settings check them."""
    changes = {}
    for field in list_fields(settings):
        value = getattr(settings, field.name)
        nested = is_dataclass(value)
        changes[field.name] = replace_values(value, values) if nested else values[field.name]
    return replace(settings, **changes)


def add_command(app: typer.Typer, name: str, function: Callable[..., None]) -> None:
    """Add a command whose options are made when it is called or asked for its help: settings import much."""

    class Command(TyperCommand):
        wrapped = staticmethod(function)

        def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
            application = typer.Typer(add_completion=False, rich_markup_mode="rich")
            application.command(name)(with_options(function))
            return typer.main.get_command(application).make_context(info_name, args, parent, **extra)

    app.command(name, cls=Command, help=function.__doc__)(lambda: None)


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """A function for Typer that takes options in the place of ``function``'s settings, and calls it with these."""
    parameters: dict[str, inspect.Parameter] = {}
    defaults: dict[str, Any] = {}
    own: list[str] = []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if is_dataclass(kind := parameter.annotation) and isinstance(kind, type):
            defaults[parameter.name] = settings = kind()
            options = [option for _, _, option in read_options(settings)]
        else:
            own.append(parameter.name)
            options = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        parameters |= {one.name: one for one in options}

    def command(**values: Any) -> None:
        settings = {name: replace_values(default, values) for name, default in defaults.items()}
        function(**settings, **{name: values[name] for name in own})

    command.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    command.__annotations__ = {}
    command.__doc__ = function.__doc__
    return command
