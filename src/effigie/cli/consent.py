"""Consent records: make, ask for, grant, look at, list and revoke them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from effigie.cli.consent_text import rows, show_list, show_terms, written
from effigie.cli.console import INTERRUPT, Json, print_json, progress_display, say
from effigie.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from effigie.consent.keys import SigningKey
    from effigie.consent.store import ConsentStore

Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose likeness it is.")]
Photos = Annotated[
    list[Path],
    typer.Option("--photo", metavar="FILE", help="A photo or clip of the person; repeat for more."),
]
Uses = Annotated[str, typer.Option(metavar="LIST", help="Of swap, animate, voice, with commas between.")]
Until = Annotated[
    str | None, typer.Option(metavar="DATE", help="Last day, or `never`; a year from the first by default.")
]
From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day; today by default.")]
Project = Annotated[str | None, typer.Option(metavar="NAME", help="Only for this project or purpose.")]
Territory = Annotated[str | None, typer.Option(metavar="NAME", help="Where outputs may be shown.")]
Basis = Annotated[str, typer.Option(metavar="TEXT", help='What it rests on, e.g. "signed release".')]
EvidenceFiles = Annotated[
    list[Path] | None,
    typer.Option("--evidence", metavar="FILE", help="A release form or recording; its hash is kept."),
]
Key = Annotated[Path | None, typer.Option(metavar="PEM", help="Sign with this key; else with your own.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a file that lies there.")]
Folder = Annotated[Path | None, typer.Option("--in", metavar="FOLDER", help="Also this project's records.")]
Record = Annotated[str, typer.Argument(metavar="RECORD", help="A record's file or id.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=__doc__, no_args_is_help=True)
    for verb in (new, request, grant, show, list_records, revoke):
        group.command("list" if verb is list_records else verb.__name__)(verb)
    app.add_typer(group, name="consent")


def new(
    name: Name,
    photos: Photos,
    uses: Uses = "swap",
    until: Until = None,
    begins: From = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="RECORD", help="The file to write; else your own store."),
    ] = None,
    project: Project = None,
    territory: Territory = None,
    basis: Basis = "",
    evidence: EvidenceFiles = None,
    key: Key = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Attest that a person consents: you say so, and sign. They can sign themselves: see `request`."""
    from effigie.consent.record import new_consent
    from effigie.consent.store import default_store

    _free(output, replace)
    with progress_display() as progress:
        record = new_consent(
            name,
            photos,
            _uses(uses),
            _until(until),
            begins=_day(begins),
            project=project,
            territory=territory,
            basis=basis,
            evidence=evidence or (),
            key=_key(key),
            progress=progress,
            cancel=INTERRUPT,
        )
    if output is None:
        output = default_store().add(record)
    else:
        record.save(output, replace)
    written(record, output, as_json)


def request(
    name: Name,
    photos: Photos,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="REQUEST", help="The file to write.")],
    uses: Uses = "swap",
    until: Until = None,
    begins: From = None,
    project: Project = None,
    territory: Territory = None,
    basis: Basis = "",
    evidence: EvidenceFiles = None,
    key: Key = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Write terms for a person to sign on their own machine with `effigie consent grant`."""
    from effigie.consent.record import request_consent

    _free(output, replace)
    with progress_display() as progress:
        asked = request_consent(
            name,
            photos,
            _uses(uses),
            _until(until),
            begins=_day(begins),
            project=project,
            territory=territory,
            basis=basis,
            evidence=evidence or (),
            key=_key(key),
            progress=progress,
            cancel=INTERRUPT,
        )
    asked.save(output, replace)
    written(asked, output, as_json)
    if not as_json:
        say(f"send it to {asked.subject}, who runs: effigie consent grant {output.name} -o RECORD")


def grant(
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="What you are asked to consent to.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RECORD", help="The file to write.")],
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking again.")] = False,
    key: Key = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Consent to the use of your likeness: read the terms, and sign them with your own key."""
    from effigie.consent.record import ConsentRequest
    from effigie.consent.record import grant as sign

    asked = ConsentRequest.load(request)
    _free(output, replace)
    if not yes:
        if as_json:
            raise UsageError(
                "--json asks nothing: read the request with `effigie consent show`, then add --yes"
            )
        show_terms(asked)
        if not typer.confirm(f"Sign this as {asked.subject}?"):
            raise UsageError("not signed: nothing was written")
    record = sign(asked, _key(key))
    record.save(output, replace)
    written(record, output, as_json)
    if not as_json:
        say(f"to take it back one day: effigie consent revoke {output}")


def show(record: Record, folder: Folder = None, as_json: Json = False) -> None:
    """Show what a record or request says, who signed it and whether it holds today."""
    from effigie.consent.record import ConsentRequest
    from effigie.errors import ConsentError

    store = _store(folder)
    try:
        found, path = store.locate(record)
    except ConsentError:
        if not _is_request(Path(record)):
            raise
        asked = ConsentRequest.load(Path(record))
        if as_json:
            print_json(asked.to_json() | {"state": "requested", "path": record})
            return
        show_terms(asked)
        say(f"state: requested, not granted ({record})")
        return
    state, revoked = store.state_of(found, path), store.revocation_of(found, path)
    if as_json:
        shown = found.to_json() | {"state": state, "path": str(path)}
        print_json(shown | {"revocation": None if revoked is None else revoked.to_json()})
        return
    show_terms(found)
    why = "" if revoked is None else f" on {revoked.when:%Y-%m-%d} by the {revoked.signature.role}"
    why += f": {revoked.reason}" if revoked is not None and revoked.reason else ""
    say(f"state: {state}{why} ({path})")


def list_records(folder: Folder = None, as_json: Json = False) -> None:
    """List the records of your own store, and of a project."""
    store = _store(folder)
    found = store.list()
    if as_json:
        print_json(rows(found))
        return
    if not found:
        say(f"no records in {', '.join(map(str, store.folders))}: make one with `effigie consent new`")
        return
    show_list(found)


def revoke(
    record: Record,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, in words; others will read it.")] = "",
    key: Key = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Take a consent back: models that rest on it are refused wherever the revocation lies."""
    from effigie.consent.record import revoke as sign

    store = _store(folder)
    found, path = store.locate(record)
    revocation = sign(found, _key(key), reason)
    places = store.revoke(revocation, path)
    if as_json:
        print_json(revocation.to_json() | {"paths": [str(place) for place in places]})
        return
    say(f"{found.id} of {found.subject} is revoked: {', '.join(map(str, places))}")
    say("send that file to whoever else has the record: beside it, or in their store, it holds there too")


def _free(output: Path | None, replace: bool) -> None:
    """Say at once that a file lies there, not after the photos were looked at."""
    if output is not None and output.exists() and not replace:
        raise UsageError(f"{output} exists: choose another name, or add --replace")


def _uses(text: str) -> list[str]:
    return [use.strip() for use in text.split(",") if use.strip()]


def _day(text: str | None) -> date | None:
    from effigie.consent.terms import parse_date

    try:
        return None if text is None else parse_date(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _until(text: str | None) -> Any:
    from effigie.consent.record import A_YEAR

    if text is None:
        return A_YEAR
    return None if text == "never" else _day(text)


def _key(path: Path | None) -> SigningKey | None:
    from effigie.consent.keys import SigningKey

    return None if path is None else SigningKey.load(path)


def _store(folder: Path | None) -> ConsentStore:
    from effigie.consent.store import default_store

    return default_store(folder)


def _is_request(path: Path) -> bool:
    from effigie.consent.canonical import read_document
    from effigie.consent.signature import REQUEST
    from effigie.errors import ConsentError

    try:
        read_document(path, REQUEST)
    except ConsentError:
        return False
    return True
