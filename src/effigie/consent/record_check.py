"""Whether a record allows a use today, whoever is seen or heard: in force, not revoked, for this use and project."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from effigie.consent.document import Consent
from effigie.consent.store import ConsentStore
from effigie.errors import RefusedError
from effigie.io.atomic_write import read_json

INSTRUCTIONS = (
    "make one with `effigie consent new NAME --photo FILE --uses {use} -o RECORD`, and name it with --consent RECORD"
)


def check_record(
    consent: Consent, use: str, purpose: str | None, store: ConsentStore, today: date, path: Path | None
) -> None:
    """Refuse a record that does not allow this; the faces are not looked at."""
    consent.check()
    label = f"the consent of {consent.subject} ({consent.id})"
    revoked = store.find_revocation(consent, *([] if path is None else [path]))
    if revoked is not None:
        reason = f": {revoked.reason}" if revoked.reason else ""
        raise RefusedError(f"{label} was revoked on {revoked.signed_at.date()}{reason}; what shows them cannot be made")
    if today < consent.begins:
        raise RefusedError(f"{label} is not valid before {consent.begins}: wait, or ask for an earlier one")
    if not consent.is_valid_on(today):
        raise RefusedError(f"{label} expired on {consent.until}: ask again, and {INSTRUCTIONS.format(use=use)}")
    if use not in consent.uses:
        raise RefusedError(
            f"{label} is for {', '.join(consent.uses)}, not for {use}: ask for it, and {INSTRUCTIONS.format(use=use)}"
        )
    project = (purpose or "").strip().casefold()
    if consent.purpose is not None and project != consent.purpose.strip().casefold():
        purpose_text = "none was named" if purpose is None else f"this is {purpose!r}"
        raise RefusedError(
            f"{label} is for the project {consent.purpose!r} only, and {purpose_text}: "
            "name it with --purpose if it is that one"
        )


def manifest_consents(folder: Path) -> set[str]:
    """Ids of the records that a model's manifest names."""
    try:
        ids = read_json(folder / "manifest.json")["consents"]
        return {str(one) for one in ids}
    except FileNotFoundError:
        return set()  # training has not finished: its records are there before
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"{folder / 'manifest.json'} does not say whose consents the model rests on: train it again, "
            "or name a record with --consent RECORD"
        ) from error
