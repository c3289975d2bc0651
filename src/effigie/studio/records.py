"""Consent records for the page: who allows what until when, and why something is locked."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import EffigieError, FaceSetError, RefusedError
from effigie.studio.grants import is_own, list_granted
from effigie.studio.workspace import Workspace

if TYPE_CHECKING:
    from effigie.consent.document import Revocation


MAX_CONSENTS = 50  # that one command is given


def list_records(workspace: Workspace) -> list[dict[str, Any]]:
    """Every record of the workspace and of the user's own store, with what it rests on and how it ended."""
    store = workspace.store
    rows = []
    for stored in store.list():
        record = stored.consent
        revocation = None
        with contextlib.suppress(EffigieError):
            revocation = store.find_revocation(record, stored.path)
        rows.append(
            {
                "id": record.id,
                "subject": record.subject,
                "uses": list(record.uses),
                "voice": bool(record.voices),
                "purpose": record.purpose,
                "territory": record.territory,
                "begins": record.begins.isoformat(),
                "until": record.until and record.until.isoformat(),
                "strength": record.strength,
                "basis": record.basis,
                "evidence": [f"{piece.kind} {piece.note}" for piece in record.evidence],
                "bare": record.is_bare,
                "signed": [f"{s.role}, key {s.fingerprint}, {s.signed_at:%Y-%m-%d}" for s in record.signatures],
                "witness": None if record.witness is None else record.witness.describe(),
                "state": stored.state,
                "revoked": None if revocation is None else _format_revocation(revocation),
                "file": stored.path.name,
                "own": stored.path.parent == store.folders[-1],
            }
        )
    return rows


def list_requests(workspace: Workspace) -> list[dict[str, Any]]:
    """Requests that were written and wait for the person; those of this account can be granted at the camera."""
    from effigie.consent.document import ConsentRequest

    rows, granted = [], list_granted(workspace)
    for path in sorted((workspace.root / "requests").glob("*.request.json")):
        with contextlib.suppress(EffigieError, OSError):
            request = ConsentRequest.load(path)
            if request.digest in granted:
                continue
            rows.append(
                {
                    "id": workspace.handles.issue(path),
                    "own": is_own(request),
                    "subject": request.subject,
                    "uses": list(request.uses),
                    "until": request.until and request.until.isoformat(),
                    "file": workspace.shorten(path),
                    "command": f"effigie consent grant {path.name} -o {path.name.replace('.request', '')}",
                }
            )
    return rows


def add_record(workspace: Workspace, path: Path) -> str:
    """Take a record that a person has granted elsewhere, or a revocation, into the workspace; returns its id.

    Raises:
        ConsentError: it is neither, or forged, edited or damaged.
    """
    from effigie.consent.document import Consent, Revocation
    from effigie.errors import ConsentError

    try:
        record: Consent | Revocation = Consent.load(path)
    except ConsentError as error:
        try:
            record = Revocation.load(path)
        except ConsentError:
            raise error from None
    workspace.store.add(record)
    return record.id if isinstance(record, Consent) else record.consent


def explain_lock(workspace: Workspace, faces: Path, use: str) -> dict[str, Any]:
    """Whether a face set, or a model, may be used today, and by whose consent, or why not: the gate's words.

    The command asks the gate again, and looks at the pictures themselves.
    """
    from effigie.consent.face_matching import SubjectFaces
    from effigie.consent.gate import permit
    from effigie.consent.store import ConsentStore
    from effigie.faceset import FaceSet

    is_model = (faces / "bank").is_dir()
    own = faces / "consents"
    store = ConsentStore([*workspace.store.folders, own]) if is_model else workspace.store
    try:
        rows = FaceSet.open(faces / "bank" if is_model else faces).load(["embedding"])
        files = [path for path in sorted(own.glob("c-*.json")) if ".revoked" not in path.name] if is_model else None
        allowed = permit(use, SubjectFaces(rows.embedding, rows.clip), files or None, store=store)
    except (RefusedError, FaceSetError) as error:
        return {"open": False, "why": str(error), "records": []}
    records = [
        {"id": one.id, "subject": one.subject, "until": one.until and one.until.isoformat()} for one in allowed.consents
    ]
    return {"open": True, "why": "", "records": records}


def find_consents(workspace: Workspace, use: str, faces: Path | None) -> list[Path]:
    """Files of the records that a command should be given: of a face set those that cover it, else all that may.

    The gate takes those of whoever is seen. Records for one project only are left out: whoever means them names them.
    """
    stored = [one for one in workspace.store.list() if one.state == "valid" and use in one.consent.uses]
    if faces is not None:
        covering = {record["id"] for record in explain_lock(workspace, faces, use)["records"]}
        return [one.path for one in stored if one.consent.id in covering]
    return [one.path for one in stored if one.consent.purpose is None][:MAX_CONSENTS]


def _format_revocation(revocation: Revocation) -> str:
    reason = f": {revocation.reason}" if revocation.reason else ""
    return f"on {revocation.signed_at:%Y-%m-%d} by the {revocation.signature.role}{reason}"
