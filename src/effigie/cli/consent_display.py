"""How consent documents are shown on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.cli.console import format_count, print_json, print_line

if TYPE_CHECKING:
    from effigie.consent.terms import Terms


def print_terms(terms: Terms) -> None:
    """All that a record or request says, and who signed it."""
    from effigie.consent.document import Consent, ConsentRequest

    until = "no end" if terms.until is None else terms.until.isoformat()
    print_line(f"{terms.id}: consent of {terms.subject}, {terms.strength}")
    print_line(f"uses: {', '.join(terms.uses)}")
    print_line(f"from {terms.begins} to {until}")
    print_line(f"project: {terms.purpose or 'any'}")
    print_line(f"territory: {terms.territory or 'anywhere'}")
    print_line(f"rests on: {terms.basis or 'nothing said'}")
    if terms.witness is not None:
        print_line(f"granted by: {terms.witness.describe()}")
    for piece in terms.evidence:
        print_line(f"evidence: {piece.kind} {piece.note} (SHA-256 {piece.sha256})")
    print_line(f"faces: {format_count(len(terms.embeddings), 'embedding')}, made {terms.created:%Y-%m-%d %H:%M} UTC")
    for network, vectors in terms.voices.items():
        print_line(f"voice: {format_count(len(vectors), 'embedding')} by {network}")
    if isinstance(terms, (Consent, ConsentRequest)):
        for signature in terms.signatures:
            signed_at = f"{signature.signed_at:%Y-%m-%d %H:%M}"
            print_line(f"signed by the {signature.role}, key {signature.fingerprint}, {signed_at} UTC")


def print_written(terms: Terms, path: Path, as_json: bool) -> None:
    """A line, or JSON, of a document that was written."""
    if as_json:
        until = terms.until and terms.until.isoformat()
        brief: dict[str, Any] = {"id": terms.id, "subject": terms.subject, "uses": list(terms.uses)}
        brief |= {"until": until, "strength": terms.strength, "references": len(terms.embeddings)}
        print_json(brief | {"path": str(path)})
        return
    until = "without end" if terms.until is None else f"until {terms.until}"
    print_line(f"{terms.id}: {terms.subject}, {', '.join(terms.uses)}, {until}, {terms.strength} -> {path}")
