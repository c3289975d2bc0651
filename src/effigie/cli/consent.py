"""Consent records: make, ask for, grant, look at, list and revoke them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from effigie.cli import consent_challenge
from effigie.cli.consent_display import print_terms, print_written
from effigie.cli.consent_options import Folder, Key, Record, Replace, load_key, require_free
from effigie.cli.console import INTERRUPT, print_json, print_line, print_table, progress_display
from effigie.cli.options import Json, add_command
from effigie.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose likeness it is.")]
Photos = Annotated[
    list[Path] | None, typer.Option("--photo", metavar="FILE", help="A photo or clip of the person; repeat for more.")
]
Voices = Annotated[
    list[Path] | None,
    typer.Option("--voice", metavar="FILE", help="The person speaking, for the use voice; repeat for more."),
]


@dataclass(frozen=True)
class TermOptions:
    """What a person consents to, as it is written on the command line.

    Attributes:
        uses: of swap, animate, voice, with commas between.
        until: last day, or ``never``; a year from the first by default.
        begins: first day; today by default.
        purpose: only for this project or purpose.
        territory: where outputs may be shown.
        basis: what it rests on, such as "signed release".
        evidence: a release form or recording; its hash is kept.
        key: sign with this key; by default your own.
    """

    uses: str = "swap"
    until: str | None = None
    begins: str | None = None
    purpose: str | None = None
    territory: str | None = None
    basis: str = ""
    evidence: list[Path] | None = None
    key: Path | None = None

    def parse(self) -> dict[str, Any]:
        """Arguments of :func:`effigie.consent.new_consent` and `request_consent`."""
        from effigie.consent.record import ONE_YEAR

        until = None if self.until == "never" else _parse_day(self.until)
        return {
            "uses": [use.strip() for use in self.uses.split(",") if use.strip()],
            "until": ONE_YEAR if self.until is None else until,
            "begins": _parse_day(self.begins),
            "purpose": self.purpose,
            "territory": self.territory,
            "basis": self.basis,
            "evidence": self.evidence or (),
            "key": load_key(self.key),
        }


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=__doc__, no_args_is_help=True)
    add_command(group, "new", new)
    add_command(group, "request", request)
    group.command("grant")(grant)
    group.command("show")(show)
    group.command("list")(list_records)
    group.command("revoke")(revoke)
    consent_challenge.register(group)
    app.add_typer(group, name="consent")


def new(
    name: Name,
    terms: TermOptions,
    photos: Photos = None,
    recordings: Voices = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="RECORD", help="A file to write, beside your own store.")
    ] = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Attest that a person consents: you say so, and sign. They can sign themselves: see `request`."""
    from effigie.consent.record import new_consent
    from effigie.consent.store import default_store

    require_free(output, replace)
    with progress_display() as progress:
        options = terms.parse() | {"recordings": recordings or ()}
        record = new_consent(name, photos or [], **options, progress=progress, cancel=INTERRUPT)
    if output is not None:
        record.save(output, replace)
    # In the store as well: there `verify` finds it, and the gate.
    store_path = default_store().add(record)
    print_written(record, output or store_path, as_json)


def request(
    name: Name,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="REQUEST", help="The file to write.")],
    terms: TermOptions,
    photos: Photos = None,
    recordings: Voices = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Write terms for a person to sign on their own machine with `effigie consent grant`."""
    from effigie.consent.record import request_consent

    require_free(output, replace)
    with progress_display() as progress:
        options = terms.parse() | {"recordings": recordings or ()}
        record_request = request_consent(name, photos or [], **options, progress=progress, cancel=INTERRUPT)
    record_request.save(output, replace)
    print_written(record_request, output, as_json)
    if not as_json:
        print_line(f"send it to {record_request.subject}, who runs: effigie consent grant {output.name} -o RECORD")


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
    from effigie.consent.store import default_store

    record_request = ConsentRequest.load(request)
    require_free(output, replace)
    if not yes:
        if as_json:
            raise UsageError("--json asks nothing: read the request with `effigie consent show`, then add --yes")
        print_terms(record_request)
        if not typer.confirm(f"Sign this as {record_request.subject}?"):
            raise UsageError("not signed: nothing was written")
    record = sign(record_request, load_key(key))
    record.save(output, replace)
    default_store().add(record)
    print_written(record, output, as_json)
    if not as_json:
        print_line(f"to take it back one day: effigie consent revoke {output}")


def show(record: Record, folder: Folder = None, as_json: Json = False) -> None:
    """Show what a record or request says, who signed it and whether it holds today."""
    from effigie.consent.record import ConsentRequest
    from effigie.consent.store import default_store
    from effigie.errors import ConsentError

    store = default_store(folder)
    try:
        consent, path = store.locate(record)
    except ConsentError:
        if not _is_request(Path(record)):
            raise
        record_request = ConsentRequest.load(Path(record))
        if as_json:
            print_json(record_request.to_json() | {"state": "requested", "path": record})
            return
        print_terms(record_request)
        print_line(f"state: requested, not granted ({record})")
        return
    state, revoked = store.consent_state(consent, path), store.find_revocation(consent, path)
    if as_json:
        values = consent.to_json() | {"state": state, "path": str(path)}
        print_json(values | {"revocation": None if revoked is None else revoked.to_json()})
        return
    print_terms(consent)
    reason = "" if revoked is None else f" on {revoked.signed_at:%Y-%m-%d} by the {revoked.signature.role}"
    reason += f": {revoked.reason}" if revoked is not None and revoked.reason else ""
    print_line(f"state: {state}{reason} ({path})")


def list_records(folder: Folder = None, as_json: Json = False) -> None:
    """List the records of your own store, and of a project."""
    from effigie.consent.store import default_store

    store = default_store(folder)
    rows: list[dict[str, Any]] = [
        {
            "id": stored.consent.id,
            "subject": stored.consent.subject,
            "uses": list(stored.consent.uses),
            "project": stored.consent.purpose,
            "until": stored.consent.until and stored.consent.until.isoformat(),
            "strength": stored.consent.strength,
            "state": stored.state,
            "path": str(stored.path),
        }
        for stored in store.list()
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print_line(f"no records in {', '.join(map(str, store.folders))}: make one with `effigie consent new`")
        return
    columns = ("subject", "uses", "project", "until", "strength", "state", "id")
    cells = []
    for row in rows:
        texts = row | {
            "subject": escape(row["subject"]),
            "uses": ", ".join(row["uses"]),
            "project": escape(row["project"] or "any"),
            "until": row["until"] or "no end",
        }
        cells.append([texts[column] for column in columns])
    print_table(columns, cells)


def revoke(
    record: Record,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, in words; others will read it.")] = "",
    key: Key = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Take a consent back: models that rest on it are refused wherever the revocation lies."""
    from effigie.consent.record import revoke as sign
    from effigie.consent.store import default_store

    store = default_store(folder)
    consent, path = store.locate(record)
    revocation = sign(consent, load_key(key), reason)
    places = store.revoke(revocation, path)
    if as_json:
        print_json(revocation.to_json() | {"paths": [str(place) for place in places]})
        return
    print_line(f"{consent.id} of {consent.subject} is revoked: {', '.join(map(str, places))}")
    print_line("send that file to whoever else has the record: beside it, or in their store, it holds there too")


def _parse_day(text: str | None) -> date | None:
    from effigie.consent.values import parse_date

    try:
        return None if text is None else parse_date(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _is_request(path: Path) -> bool:
    from effigie.consent.canonical import parse_document, read_bytes
    from effigie.consent.signature import REQUEST
    from effigie.errors import ConsentError

    try:
        parse_document(read_bytes(path), REQUEST, str(path))
    except ConsentError:
        return False
    return True
