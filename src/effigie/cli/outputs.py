"""Where outputs go: one meaning of ``-o`` and of ``--frames-to``, however many clips a name stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

import effigie
from effigie.cli.console import print_json, print_line
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored

OUTPUT_HELP = ".mp4, .mov or .mkv; or a folder, in which each clip has an output of its name."
FRAMES_HELP = (
    "Write frames into this folder instead, PNG files or, of a sequence of pictures, files of its own kind and names; "
    "of several clips a folder each in it."
)
DRY_RUN_HELP = "Only say what would be done, and what stands against it."

Output = Annotated[str | None, typer.Option("--output", "-o", help=OUTPUT_HELP)]
FramesTo = Annotated[str | None, typer.Option("--frames-to", metavar="FOLDER", help=FRAMES_HELP)]
DryRun = Annotated[bool, typer.Option("--dry-run", help=DRY_RUN_HELP)]


@dataclass(frozen=True)
class Destination:
    """Where the outputs of a command go.

    Attributes:
        path: of one output, or of the folder that holds them.
        is_folder: whether it is a folder with an output for each clip, of a job.
        frames: whether outputs are folders of PNG frames.
    """

    path: str
    is_folder: bool
    frames: bool = False

    def of_clip(self, clip: str | Path, container: str) -> str:
        """The output of one clip."""
        from effigie.execution.job import CONTAINERS
        from effigie.execution.manifest import plain_name

        if not self.is_folder:
            return self.path
        return f"{self.path.rstrip('/')}/{plain_name(str(clip), '' if self.frames else CONTAINERS[container])}"


def choose_destination(output: str | None, frames_to: str | None, is_batch: bool, codec: str = "h264") -> Destination:
    """Settle where outputs go.

    Args:
        output: ``-o``; with codec png a folder of frames, as ``--frames-to``.
        frames_to: ``--frames-to``.
        codec: ``--codec``.
        is_batch: whether the clips were named by a pattern, a folder or a list, however many there are now.

    Raises:
        UsageError: neither or both are given, or one video's name for what may be several clips.
    """
    if (output is None) == (frames_to is None):
        raise UsageError("name the output: -o FILE or -o FOLDER for clips, or --frames-to FOLDER for PNG frames")
    if frames_to is not None:
        if is_file_name(frames_to):
            raise UsageError(f"frames are written into a folder, and {frames_to} is a file's name: drop its suffix")
        return Destination(frames_to, is_batch, frames=True)
    assert output is not None
    if is_file_name(output):
        if is_batch:
            raise UsageError(
                f"{output} is one file's name, and there may be several clips: name a folder (pictures of a sequence "
                "are one clip by a name such as shot.####.exr)"
            )
        return Destination(output, False)
    if codec == "png":
        return Destination(output, is_batch, frames=True)
    return Destination(output, True)


def is_file_name(output: str) -> bool:
    """Whether a name has the suffix of a file that can be written, and is no folder that is there."""
    from effigie.media.output.video_encoder import OUTPUT_FORMATS
    from effigie.media.pictures.writer import STILL_SUFFIXES

    if output.endswith(("/", "\\")) or Path(output).is_dir():
        return False
    suffix = Path(output).suffix.lower()
    # Other suffixes are files' too: that they cannot be written is said when the output is planned.
    return suffix in OUTPUT_FORMATS or suffix in STILL_SUFFIXES or (1 < len(suffix) <= 5 and suffix[1:].isalnum())


def note_folder(destination: Destination, is_batch: bool) -> None:
    """Tell those who knew ``-o FOLDER`` of one clip as a folder of frames what it is now."""
    if (
        destination.is_folder
        and not is_batch
        and not destination.path.endswith("/")
        and not Path(destination.path).is_dir()
    ):
        print_line(
            f"note: {destination.path} is a folder of clips; PNG frames go where --frames-to {destination.path} says"
        )


def with_frames(encode: effigie.media.EncodeSettings, destination: Destination) -> effigie.media.EncodeSettings:
    """The settings of the encoder for a destination."""
    return replace(encode, codec="png") if destination.frames else encode


def print_plans(plans: Sequence[tuple[str, effigie.OutputPlan | str]], as_json: bool) -> None:
    """Print the plans of outputs, by clip; in the place of a plan may stand why there is none.

    Raises:
        typer.Exit: code 1, if there is no plan of some clip.
    """
    if as_json:
        print_json(
            [
                {
                    "clip": clip,
                    **({"error": plan} if isinstance(plan, str) else {**to_stored(plan), "lines": plan.lines}),
                }
                for clip, plan in plans
            ]
        )
    else:
        for clip, plan in plans:
            print_line(f"{clip}:")
            for line in [plan] if isinstance(plan, str) else plan.lines:
                print_line(f"  {line}")
    if any(isinstance(plan, str) for _, plan in plans):
        raise typer.Exit(1)


def plan_clips(
    clips: Sequence[str], destination: Destination, container: str, **planned: Any
) -> list[tuple[str, effigie.OutputPlan | str]]:
    """Plan the outputs of a list of clips; why one cannot be made does not hide the plans of the others."""
    from effigie.errors import EffigieError
    from effigie.io.storage import is_remote

    plans: list[tuple[str, effigie.OutputPlan | str]] = []
    for clip in clips:
        output = destination.of_clip(clip, container)
        try:
            if is_remote(clip) or is_remote(output):
                plans.append((clip, "lies elsewhere: it is fetched, and planned, when it is its turn"))
            else:
                plans.append((clip, effigie.provenance.plan_signed_output(clip, output, **planned)))
        except EffigieError as error:
            plans.append((clip, str(error)))
    return plans
