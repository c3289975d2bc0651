"""Consent records as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from effigie.cli.console import OUT, print_json, say

if TYPE_CHECKING:
    from effigie.consent.store import Stored
    from effigie.consent.terms import Terms


def show_terms(terms: Terms) -> None:
    """Everything that terms say, a line each, and who signed them."""
    from effigie.consent.document import Consent, ConsentRequest

    until = "no end" if terms.until is None else terms.until.isoformat()
    say(f"{terms.id}: consent of {terms.subject}, {terms.strength}")
    say(f"uses: {', '.join(terms.uses)}")
    say(f"from {terms.begins} to {until}")
    say(f"project: {terms.project or 'any'}")
    say(f"territory: {terms.territory or 'anywhere'}")
    say(f"rests on: {terms.basis or 'nothing said'}")
    for piece in terms.evidence:
        say(f"evidence: {piece.kind} {piece.note} (SHA-256 {piece.sha256})")
    say(f"faces: {len(terms.embeddings)} embeddings, made {terms.created:%Y-%m-%d %H:%M} UTC")
    if isinstance(terms, (Consent, ConsentRequest)):
        for signature in terms.signatures:
            when = f"{signature.when:%Y-%m-%d %H:%M}"
            say(f"signed by the {signature.role}, key {signature.fingerprint}, {when} UTC")


def written(terms: Terms, path: Path, as_json: bool) -> None:
    """Say what was written where."""
    if as_json:
        until = terms.until and terms.until.isoformat()
        brief: dict[str, Any] = {"id": terms.id, "subject": terms.subject, "uses": list(terms.uses)}
        brief |= {"until": until, "strength": terms.strength, "references": len(terms.embeddings)}
        print_json(brief | {"path": str(path)})
        return
    until = "without end" if terms.until is None else f"until {terms.until}"
    say(f"{terms.id}: {terms.subject}, {', '.join(terms.uses)}, {until}, {terms.strength} -> {path}")


def rows(found: Sequence[Stored]) -> list[dict[str, Any]]:
    """Stored records as JSON values."""
    return [
        {
            "id": stored.consent.id,
            "subject": stored.consent.subject,
            "uses": list(stored.consent.uses),
            "project": stored.consent.project,
            "until": stored.consent.until and stored.consent.until.isoformat(),
            "strength": stored.consent.strength,
            "state": stored.state,
            "path": str(stored.path),
        }
        for stored in found
    ]


def show_list(found: Sequence[Stored]) -> None:
    """Stored records as a table."""
    table = Table("subject", "uses", "project", "until", "strength", "state")
    table.add_column("id", no_wrap=True, min_width=18)
    for stored in found:
        consent = stored.consent
        table.add_row(
            escape(consent.subject),
            ", ".join(consent.uses),
            escape(consent.project or "any"),
            "no end" if consent.until is None else consent.until.isoformat(),
            consent.strength,
            stored.state,
            consent.id,
        )
    OUT.print(table)
