"""Consent records as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from effigie.cli.console import OUT, print_json, print_line

if TYPE_CHECKING:
    from effigie.consent.store import StoredConsent
    from effigie.consent.terms import Terms


def print_terms(terms: Terms) -> None:
    """Print terms, a line for each, and who signed them."""
    from effigie.consent.document import Consent, ConsentRequest

    until = "no end" if terms.until is None else terms.until.isoformat()
    print_line(f"{terms.id}: consent of {terms.subject}, {terms.strength}")
    print_line(f"uses: {', '.join(terms.uses)}")
    print_line(f"from {terms.begins} to {until}")
    print_line(f"project: {terms.purpose or 'any'}")
    print_line(f"territory: {terms.territory or 'anywhere'}")
    print_line(f"rests on: {terms.basis or 'nothing said'}")
    for piece in terms.evidence:
        print_line(f"evidence: {piece.kind} {piece.note} (SHA-256 {piece.sha256})")
    print_line(f"faces: {len(terms.embeddings)} embeddings, made {terms.created:%Y-%m-%d %H:%M} UTC")
    if isinstance(terms, (Consent, ConsentRequest)):
        for signature in terms.signatures:
            signed_at = f"{signature.signed_at:%Y-%m-%d %H:%M}"
            print_line(f"signed by the {signature.role}, key {signature.fingerprint}, {signed_at} UTC")


def print_written(terms: Terms, path: Path, as_json: bool) -> None:
    """Print what was written where."""
    if as_json:
        until = terms.until and terms.until.isoformat()
        brief: dict[str, Any] = {"id": terms.id, "subject": terms.subject, "uses": list(terms.uses)}
        brief |= {"until": until, "strength": terms.strength, "references": len(terms.embeddings)}
        print_json(brief | {"path": str(path)})
        return
    until = "without end" if terms.until is None else f"until {terms.until}"
    print_line(f"{terms.id}: {terms.subject}, {', '.join(terms.uses)}, {until}, {terms.strength} -> {path}")


def to_rows(found: Sequence[StoredConsent]) -> list[dict[str, Any]]:
    """Stored records as JSON values."""
    return [
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
        for stored in found
    ]


def print_records(found: Sequence[StoredConsent]) -> None:
    """Print stored records as a table."""
    table = Table("subject", "uses", "project", "until", "strength", "state")
    table.add_column("id", no_wrap=True, min_width=18)
    for stored in found:
        consent = stored.consent
        table.add_row(
            escape(consent.subject),
            ", ".join(consent.uses),
            escape(consent.purpose or "any"),
            "no end" if consent.until is None else consent.until.isoformat(),
            consent.strength,
            stored.state,
            consent.id,
        )
    OUT.print(table)
