"""`effigie faces`: inspect and edit a face set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

import effigie
from effigie.cli.console import ERRORS, INTERRUPT, OUT, print_json, print_line, print_table, progress_display
from effigie.cli.options import Json
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored
from effigie.progress import format_count

FaceSetPath = Annotated[Path, typer.Argument(metavar="FACES", help="A face set that `effigie extract` wrote.")]
FilterOption = Annotated[
    str | None, typer.Option(metavar="FILTER", help='Only these faces, e.g. "sharpness > 20 and cluster == 0".')
]
KEYS = "sharpness, yaw, pitch, roll, time, confidence, size, mouth, eyes, identity, smile or a blendshape."
By = Annotated[str, typer.Option(metavar="KEY", help=KEYS)]
Descending = Annotated[bool, typer.Option("--descending", help="Largest first.")]
SamePerson = Annotated[
    float | None, typer.Option(metavar="COSINE", help="From here two tracks are one person; else 0.363.")
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=__doc__, no_args_is_help=True)
    for verb in (info, review, sheet, sort, cluster, drop, export, import_pictures):
        group.command("import" if verb is import_pictures else verb.__name__)(verb)
    app.add_typer(group, name="faces")


def info(
    faces: FaceSetPath,
    poses: Annotated[Path | None, typer.Option(metavar="PNG", help="Also draw the yaw by pitch histogram.")] = None,
    same_person: SamePerson = None,
    as_json: Json = False,
) -> None:
    """Show clips, people, sharpness, poses and expressions, and warn when people are mixed."""
    faceset = _open_face_set(faces, same_person)
    with progress_display() as progress:
        summary = effigie.faceset.summarize(faceset, progress)
    if poses:
        effigie.faceset.pose_coverage(faceset, poses)
    if as_json:
        print_json(summary.to_json())
        return
    size = f"{summary.crop_size} px, {summary.bytes / 1e6:.1f} MB"
    whole = f"{format_count(summary.faces, 'face')} in {format_count(len(summary.clips), 'clip')}"
    print_line(f"{summary.path}: {whole}, crops of {size}")
    if summary.dropped:
        print_line(f"dropped so far: {summary.dropped}")
    if summary.consents:
        print_line(f"consents: {', '.join(summary.consents)}")
    print_table(
        ("clip", "frames", "faces", "frame size", "rate"),
        [
            (
                escape(clip["name"]),
                str(clip["frames"]),
                str(clip["faces"]),
                f"{clip['width']}x{clip['height']}",
                clip["rate"] or "",
            )
            for clip in summary.clips
        ],
    )
    print_table(
        ("person", "faces", "share", "clips"), [tuple(_person_row(person, person.share)) for person in summary.people]
    )
    print_table(
        ("", "least", "quarter", "median", "three quarters", "most"),
        [(name, *(f"{value:.3g}" for value in values)) for name, values in summary.spread.items()],
    )
    print_line(f"head poses: {summary.poses.filled} of {summary.poses.counts.size} cells of 10x10 degrees have a face")
    for warning in summary.warnings:
        OUT.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True, highlight=False)


def review(
    faces: FaceSetPath,
    target: Annotated[
        Path | None,
        typer.Option(metavar="FACES", help="Whose footage it is for: says what of it this set never shows."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PNG", help="Draw some faces of every finding.")
    ] = None,
    person: Annotated[int, typer.Option(min=0, help="The person that the set is of (0 = most faces).")] = 0,
    drop: Annotated[bool, typer.Option("--drop", help="Take out what is proposed, for good.")] = False,
    as_json: Json = False,
) -> None:
    """Find strangers, covered, blurred, badly lit and repeated faces; advise what the footage lacks."""
    with progress_display() as progress:
        result = effigie.review(faces, target, output, person, progress=progress, cancel=INTERRUPT)
    drop_report = effigie.faceset.drop(faces, names=result.proposed_drops) if drop and result.proposed_drops else None
    if as_json:
        extra: dict[str, Any] = {
            "proposed": len(result.proposed_drops),
            "dropped": drop_report.faces if drop_report else 0,
        }
        extra["advice"] = list(result.advice)
        print_json(result.to_json() | extra)
        return
    print_line(
        f"{result.path}: {format_count(result.faces, 'face')} looked at, {len(result.proposed_drops)} better dropped"
    )
    if result.findings:
        print_table(
            ("finding", "faces", "share", "", "why"),
            [
                (
                    one.kind,
                    str(len(one.names)),
                    f"{100 * len(one.names) / result.faces:.1f} %",
                    "drop" if one.drop else "all are so: kept",
                    one.explanation,
                )
                for one in result.findings
            ],
        )
    for line in result.advice:
        print_line(line)
    if drop_report is not None:
        print_line(f"dropped {drop_report.faces}; {drop_report.remaining} remain")
    elif result.proposed_drops:
        print_line("nothing was dropped: --drop takes them out, `effigie faces drop FACES NAME...` single ones")
    if result.sheet is not None:
        print_line(f"some of them: {result.sheet}")


def sheet(
    faces: FaceSetPath,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PNG", help="The picture to write.")],
    by: By = "sharpness",
    descending: Descending = False,
    where: FilterOption = None,
    count: Annotated[int, typer.Option(min=1, help="Faces at most, evenly over the order.")] = 120,
    size: Annotated[int, typer.Option(min=16, max=512, help="Edge of a face, px.")] = 112,
    columns: Annotated[int, typer.Option(min=1, max=100, help="Faces a row.")] = 12,
    same_person: SamePerson = None,
    as_json: Json = False,
) -> None:
    """Draw a contact sheet: the faces of each person, in order."""
    faceset = _open_face_set(faces, same_person)
    with progress_display() as progress:
        report = effigie.faceset.draw_contact_sheet(
            faceset, output, by, descending, where, count, size, columns, progress
        )
    if as_json:
        print_json(to_stored(report))
    else:
        print_line(
            f"{report.path}: {report.faces_drawn} of {format_count(report.faces, 'face')}, people: {report.people}"
        )


def sort(
    faces: FaceSetPath,
    by: By = "sharpness",
    descending: Descending = False,
    where: FilterOption = None,
    count: Annotated[int, typer.Option(min=0, help="Lines to print; 0 prints all.")] = 20,
    same_person: SamePerson = None,
    as_json: Json = False,
) -> None:
    """List faces in order, by the names that `drop` takes; the set itself has no order to change.

    To see an order, draw it with `sheet --by KEY`; to have it in a file browser, use `export --by KEY`.
    """
    faceset = _open_face_set(faces, same_person)
    with progress_display() as progress:
        ranking = effigie.faceset.sort_faces(faceset, by, descending, where, progress)
    rows: list[dict[str, Any]] = []
    for index in range(min(count, len(ranking)) if count else len(ranking)):
        clip, frame, track = ranking.clip[index], int(ranking.frame[index]), int(ranking.track[index])
        value = ranking[by][index]
        row = {"name": f"{clip}:{frame}:{track}", "clip": clip, "frame": frame, "track": track}
        rows.append(row | {by: value if isinstance(value, str) else value.item()})
    if as_json:
        print_json({"faces": len(ranking), "by": by, "descending": descending, "order": rows})
        return
    for row in rows:
        value = row[by]
        typer.echo(f"{row['name']}\t{value if isinstance(value, str) else f'{value:.6g}'}")
    if len(rows) < len(ranking):
        print_line(f"... {len(ranking) - len(rows)} more; --count 0 prints all")


def cluster(faces: FaceSetPath, same_person: SamePerson = None, as_json: Json = False) -> None:
    """Show who is in it: people by number of faces, their tracks and clips."""
    people = _open_face_set(faces, same_person).people()
    if as_json:
        print_json([to_stored(person) | {"embedding": person.embedding.tolist()} for person in people])
        return
    rows = []
    total = sum(person.faces for person in people)
    for person in people:
        name, count, share, clips = _person_row(person, person.faces / total)
        cosine = f"{float(person.embedding @ people[0].embedding):.2f}"
        rows.append((name, count, share, str(len(person.tracks)), clips, cosine))
    print_table(("person", "faces", "share", "tracks", "clips", "cosine to 0"), rows)


def drop(
    faces: FaceSetPath,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="clip:frame:track, or the file name of an exported face."),
    ] = None,
    clusters: Annotated[
        list[int] | None, typer.Option("--cluster", metavar="N", help="Drop this person; repeat for more.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="FILTER", help='Drop these, e.g. "sharpness < 8 or cluster != 0".')
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, and what stands against it.")
    ] = False,
    same_person: SamePerson = None,
    as_json: Json = False,
) -> None:
    """Take faces out for good: those of a person, those a filter chooses, those named, or all of these."""
    faceset = _open_face_set(faces, same_person)
    report = effigie.faceset.drop(faceset, clusters or [], where, names or [], dry_run)
    if as_json:
        print_json(to_stored(report))
        return
    verb = "would drop" if dry_run else "dropped"
    clips = ", ".join(f"{clip} {count}" for clip, count in report.by_clip.items())
    print_line(
        f"{verb} {format_count(report.faces, 'face')}{f' ({clips})' if clips else ''}; {report.remaining} remain"
    )


def export(
    faces: FaceSetPath,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="A new or empty folder.")],
    by: Annotated[
        str | None, typer.Option(metavar="KEY", help="Number the names in this order; keys as in `sort`.")
    ] = None,
    descending: Descending = False,
    where: FilterOption = None,
    same_person: SamePerson = None,
    as_json: Json = False,
) -> None:
    """Write the crops as JPEGs with sortable names, and faces.csv beside them."""
    faceset = _open_face_set(faces, same_person)
    with progress_display() as progress:
        report = effigie.faceset.export(faceset, output, by, descending, where, progress)
    if as_json:
        print_json(to_stored(report))
    else:
        print_line(f"{report.folder}: {format_count(report.pictures, 'picture')} and faces.csv")


def import_pictures(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures with faces in them.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FACES", help="The face set to write.")],
    as_json: Json = False,
) -> None:
    """Make a face set of a folder of pictures: the same as `effigie extract FOLDER`."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name the folder that holds the pictures")
    with progress_display() as progress:
        report = effigie.extract([folder], output, progress=progress)
    faceset = effigie.faceset.FaceSet.open(output)
    if as_json:
        values = {"path": str(output), "faces": len(faceset), "sources": len(faceset.sources)}
        print_json(values | {"without_faces": report.without_faces, "failed": report.failed})
        return
    print_line(f"{output}: {format_count(len(faceset), 'face')} of {format_count(len(faceset.sources), 'picture')}")
    if report.without_faces:
        print_line(f"nobody found in {_format_names(tuple(report.without_faces))}")
    for reason in report.failed.values():
        ERRORS.print(f"warning: {reason}", soft_wrap=True, markup=False, highlight=False)


def _open_face_set(path: Path, same_person: float | None) -> effigie.faceset.FaceSet:
    open_set = effigie.faceset.FaceSet.open
    return open_set(path) if same_person is None else open_set(path, same_person)


def _person_row(person: Any, share: float) -> tuple[str, str, str, str]:
    """A person's name, number of faces, share of all faces, and clips."""
    name = "unknown" if person.cluster < 0 else f"cluster {person.cluster}"
    return name, str(person.faces), f"{100 * share:.1f} %", escape(_format_names(person.clips))


def _format_names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
