"""`effigie evaluate` and `effigie verify`: what was made is measured, and traced to where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import (
    INTERRUPT,
    print_json,
    print_json_line,
    print_line,
    print_notes,
    print_table,
    progress_display,
)
from effigie.cli.options import Device, Json, Seed
from effigie.errors import EffigieError, UsageError


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Measure what was made.", no_args_is_help=True)
    group.command("swap")(swap)
    group.command("heads")(heads)
    group.command("speech")(speech)
    app.command("verify")(verify)
    app.add_typer(group, name="evaluate")


def swap(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The clip that `effigie convert` wrote.")],
    original: Annotated[Path, typer.Option("--input", metavar="CLIP", help="The clip it was made from.")],
    source: Annotated[
        list[Path],
        typer.Option(
            "--source", metavar="FACES_B", help="Faces of the person who is to be seen; once for each person."
        ),
    ],
    target: Annotated[
        list[Path],
        typer.Option("--target", metavar="FACES_A", help="Faces of the person in the input; in the order of --source."),
    ],
    masks: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The masks that `convert --masks` wrote.")
    ] = None,
    occluders: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Grey PNGs, one a frame, white where something covers a face.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw the worst frames of all and by every metric.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every figure of every frame, to find bad shots.")
    ] = None,
    gallery: Annotated[
        list[Path] | None,
        typer.Option(metavar="FACES", help="Face sets of other people, among whom the source is to be the nearest."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Measure identity on every n-th frame.")] = 5,
    source_person: Annotated[
        list[int] | None, typer.Option("--source-person", metavar="N", help="Person of FACES_B; 0 has the most faces.")
    ] = None,
    target_person: Annotated[
        list[int] | None, typer.Option("--target-person", metavar="N", help="Person of FACES_A; 0 has the most faces.")
    ] = None,
    crf: Annotated[
        int, typer.Option(min=0, max=51, help="Quality at which OUTPUT was encoded, to encode CLIP alike.")
    ] = 16,
    as_json: Json = False,
) -> None:
    """Measure a swapped clip: identity, movement, the picture of the face, everything around it, sound."""
    from effigie.evaluate import EvaluateSettings, SwappedPerson, evaluate_people
    from effigie.media import EncodeSettings

    person_numbers = [
        _person_numbers(numbers, len(source), name)
        for numbers, name in ((source_person, "source"), (target_person, "target"))
    ]
    if len(target) != len(source):
        raise UsageError(f"{len(source)} sources for {len(target)} targets: name both for each person")
    cast = [SwappedPerson(*one) for one in zip(source, target, *person_numbers, strict=True)]
    settings = EvaluateSettings(every, EncodeSettings(crf=crf))
    with progress_display() as progress:
        scores = evaluate_people(
            output,
            original,
            cast,
            masks,
            occluders=occluders,
            sheet=sheet,
            csv=csv,
            gallery=gallery or (),
            settings=settings,
            progress=progress,
            cancel=INTERRUPT,
        )
    people = scores.people
    if as_json:
        document = scores.to_json(frames=True) if len(people) > 1 else people[0].to_json(frames=True)
        figures = [figure.to_json() for figure in scores.figures()]
        print_json(document | {"figures": figures, "worst": scores.worst_frames()})
        return
    columns = scores.columns() if len(people) > 1 else []
    names = [f"person {number + 1}" for number in range(len(columns))]
    rows = []
    for row, figure in enumerate(scores.figures()):
        verdict = {None: "", True: "[green]reached[/]", False: "[red]missed[/]"}[figure.is_reached]
        values = [column[row].value_text for column in columns]
        rows.append((figure.name, *values, figure.value_text, figure.bounds_text, verdict))
    print_table(("what", *names, "measured", "should be", ""), rows)
    print_notes(dict.fromkeys(note for person in people for note in person.notes))


def _person_numbers(numbers: list[int] | None, people: int, side: str) -> list[int]:
    """Number of the person in each face set; by default the one with the most faces."""
    if not numbers:
        return [0] * people
    if len(numbers) != people:
        raise UsageError(f"--{side}-person was given {len(numbers)} times for {people} people: once for each, or never")
    return numbers


def heads(
    faces: Annotated[
        list[Path], typer.Argument(metavar="FACES...", help="Face sets of people whom no model was trained on.")
    ],
    model: Annotated[
        Path | None,
        typer.Option("--heads", metavar="HEADS", help="A folder made by meta-train; by default the model that ships."),
    ] = None,
    bare: Annotated[
        Path | None,
        typer.Option(metavar="HEADS", help="One made with --prior none: the paper's rows; none by default."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Keep table and sheet there.")
    ] = None,
    shots: Annotated[str, typer.Option(metavar="T,...", help="How many pictures of a person.")] = "1,8,32",
    people: Annotated[int | None, typer.Option(help="Only so many people, those filmed longest.")] = None,
    rows: Annotated[str, typer.Option(metavar="ROW,...", help="Only rows that begin so, e.g. ours.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Two people, few frames, hardly tuned.")] = False,
    device: Device = "auto",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure talking heads on people held out, their own motion and others', beside simpler ways."""
    from effigie.evaluate import HeadsSettings, evaluate_heads
    from effigie.evaluate.protocols.heads_config import ROWS

    try:
        counts = tuple(int(count) for count in shots.split(","))
    except ValueError:
        raise UsageError(f"shots must be numbers with commas between them, not {shots!r}") from None
    names = [name.strip() for name in rows.split(",") if name.strip()]
    for name in names:
        if not any(row.startswith(name) for row in ROWS):
            raise UsageError(f"no row begins with {name!r}: choose of {', '.join(ROWS)}")
    selection = tuple(row for row in ROWS if not names or any(row.startswith(name) for name in names))
    settings = HeadsSettings(counts, selection, people, device=device, seed=seed)
    with progress_display() as progress:
        table = evaluate_heads(
            faces, model, bare, output, settings.quick() if quick else settings, progress=progress, cancel=INTERRUPT
        )
    if as_json:
        print_json(table.to_json())
        return
    print_line(table.markdown())
    if output is not None:
        print_line(f"{output}: heads.json, heads.md, heads.png")


def speech(
    clips: Annotated[list[Path], typer.Argument(metavar="CLIP...", help="Clips of one person each who speaks.")],
    talkers: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Columns file, person and maybe sound_late_s, with tabs: each person by a model of the others.",
        ),
    ] = None,
    motions: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep the motions there, so that clips are read once.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure mouths made from sound: correlations, closures, onsets, shake, motion in silence."""
    from effigie.evaluate import evaluate_speech
    from effigie.evaluate.protocols.speech import read_talkers

    table = None if talkers is None else read_talkers(talkers)
    with progress_display() as progress:
        scores = evaluate_speech(clips, table, motions=motions, progress=progress, cancel=INTERRUPT)
    if as_json:
        print_json(scores.to_json())
        return
    print_line(scores.markdown())


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Any files, ours or not; folders of them; patterns such as 'in/*.mp4'."),
    ],
    as_json: Json = False,
    workers: Annotated[int, typer.Option(min=1, help="Files at a time.")] = 1,
) -> None:
    """Say where each FILE comes from: credentials, invisible mark, ledger, consent. Contacts nobody, needs no set-up.

    Of several files, of a folder or of a pattern --json prints a line of JSON for each, in order. Exit code 0 whenever
    there is a verdict, whichever it is; 1 if a file cannot be read.
    """
    from effigie.provenance.batch import list_files, verify_many
    from effigie.provenance.verifier import verify as look

    if list(list_files(files)) == files and len(files) == 1:
        verification = look(files[0], cancel=INTERRUPT)
        if as_json:
            print_json(verification.to_json())
            return
        for line in verification.lines:
            print_line(line)
        return
    unread = 0
    for number, (path, result) in enumerate(verify_many(files, workers=workers, cancel=INTERRUPT)):
        failed = isinstance(result, EffigieError)
        unread += failed
        if as_json:
            value = {"error": str(result)} if isinstance(result, EffigieError) else result.to_json()
            print_json_line({"file": str(path), **value})
            continue
        if number:
            print_line("")
        lines = (str(result),) if isinstance(result, EffigieError) else result.lines
        for line in lines:
            print_line(line)
    if unread:
        raise EffigieError(f"{unread} of the files could not be read")
