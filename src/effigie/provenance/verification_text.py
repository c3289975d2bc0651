"""A verification in sentences: what was found, what it shows, and what it does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from effigie.provenance.c2pa.reader import CredentialState
    from effigie.provenance.report import ConsentSummary, LedgerMatch, Verification, WatermarkReading

VERDICTS = {
    "made-by-effigie": "made with effigie: a trained model put a person's likeness into it",
    "marked-by-others": "not known to be made with effigie; it carries content credentials of another program",
    "broken": "its content credentials are broken: the file was changed after it was signed, or the credentials were",
    "nothing-found": "no mark found. This does not mean that it is authentic: most programs set no marks, and marks "
    "can be removed",
}


def format_lines(found: Verification) -> tuple[str, ...]:
    """The verdict, then one line for each thing that was looked for."""
    lines = (
        f"{found.path.name}: {VERDICTS[found.verdict]}.",
        f"credentials: {_format_credentials(found.credentials)}.",
        f"invisible mark: {_format_mark(found.watermark, found.credentials)}.",
        f"ledger of this machine: {_format_ledger(found.ledger)}.",
        *([f"consent: {_format_consent(found.consent)}."] if found.consent else []),
        *(f"note: {note}." for note in found.notes),
    )
    # Names and reasons come out of the file: a terminal must not obey what is written in them.
    return tuple("".join(letter if letter.isprintable() else "?" for letter in line) for line in lines)


def _format_credentials(state: CredentialState) -> str:
    if state.state == "absent":
        return "none" + _format_problems(state)
    if state.state == "broken":
        return "broken" + _format_problems(state) + ". Nothing that they say can be relied on"
    by = f"signed by {state.issuer or 'somebody who is not named'}"
    if state.state == "trusted":
        trust = "who is on a trust list of this machine"
    else:
        trust = "whom no trust list of this machine knows: that shows that it is whole, not who signed it"
    program = f", by its own word made with {state.generator}" if state.generator else ""
    return f"valid, nothing was changed since; {by}, {trust}{program}{_format_problems(state)}"


def _format_problems(state: CredentialState) -> str:
    return f" ({'; '.join(state.problems)})" if state.problems else ""


def _format_mark(mark: WatermarkReading | None, credentials: CredentialState) -> str:
    if mark is None:
        return "none found"
    line = f"output {mark.id}, confidence {mark.confidence:.2f}"
    named = credentials.output_id
    if named and named != mark.id:
        line += f"; the credentials name another output, {named}, so this file holds parts of both or one was copied"
    if credentials.state not in ("valid", "trusted"):
        line += "; its key is public and anybody could set it: a sign, no proof"
    return line


def _format_ledger(known: LedgerMatch | None) -> str:
    if known is None:
        return "no such output"
    entry = known.entry
    made = f"output {entry.output_id}, {entry.name}, by `effigie {entry.command}` on {entry.time:%Y-%m-%d %H:%M} UTC"
    if known.matched == ("pictures",):
        return f"it looks like {made}. The clip that it was made from looks alike, too: a hint, no proof"
    if "file" in known.matched:
        return f"{made}; this is that file, byte for byte"
    if "pictures" in known.matched:
        return f"{made}; this file was changed since and looks the same"
    return f"{made}; this file was changed since and looks different, as after cropping or in a copy"


def _format_consent(consent: ConsentSummary) -> str:
    said = {
        "valid": "valid today",
        "revoked": "REVOKED: it should not be shown any more",
        "expired": "run out",
        "unknown": "unknown, the record is not on this machine",
        "not yet valid": "not yet begun",
    }
    return "; ".join(
        f"{record.subject + ', ' if record.subject else ''}{record.id}: {said[record.state]}"
        + (f" (until {record.until})" if record.until else "")
        for record in consent.records
    )
