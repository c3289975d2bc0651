"""Records that must not open the gate, each made out of one that does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from effigie.consent.canonical import canonical
from effigie.consent.gate import permit
from effigie.consent.keys import SigningKey
from effigie.consent.record import Consent, revoke
from effigie.consent.signature import CONSENT, OPERATOR, Signature
from effigie.consent.store import ConsentStore
from effigie.consent.subject_faces import ShownFaces
from effigie.consent.terms import Terms, now
from effigie.errors import RefusedError

TODAY = date(2026, 6, 15)


def made_up(key: SigningKey, **changed: Any) -> Consent:
    """A record of a face that nobody has: a unit vector. For the gate's other checks, not for its eyes."""
    values: dict[str, Any] = {
        "subject": "nobody",
        "uses": ("swap",),
        "project": None,
        "territory": None,
        "begins": date(2026, 1, 1),
        "until": date(2026, 12, 31),
        "evidence": (),
        "basis": "made up",
        "strength": "attested",
        "embeddings": np.eye(1, 128, dtype=np.float32),
        "created": now(),
    } | changed
    terms = Terms(**values)
    return Consent(**values, signatures=(Signature.make(CONSENT, terms.digest, OPERATOR, key),))


def refused_cases(folder: Path, key: SigningKey) -> dict[str, str | None]:
    """Case -> the gate's line; None where it let the record through. The record that all are made of must pass.

    Args:
        folder: emptied, and used for files.
    """
    shutil.rmtree(folder, ignore_errors=True)
    store = ConsentStore([folder / "store"])
    good = made_up(key)
    faces = ShownFaces(np.repeat(good.embeddings, 20, axis=0), np.full(20, "clip"))
    other = ShownFaces(np.roll(faces.embeddings, 1, axis=1), faces.clips)
    good.save(folder / "good.json")
    permit("swap", faces, folder / "good.json", store=store, today=TODAY)

    def edited(name: str, edit: Callable[[dict[str, Any]], None]) -> Path:
        document = json.loads(good.to_bytes())
        edit(document)
        path = folder / f"{name}.json"
        path.write_bytes(canonical(document) + b"\n")
        return path

    def forge(document: dict[str, Any]) -> None:
        document["signatures"][0]["public"] = SigningKey.create(folder / "forger.pem").public

    def lengthen(document: dict[str, Any]) -> None:
        document["terms"]["until"] = "2099-12-31"

    cut = folder / "cut.json"
    cut.write_bytes(good.to_bytes()[:-200])
    limited = made_up(key, project="The Film")
    taken_back = made_up(key, basis="taken back")
    store.add(revoke(taken_back, key, "changed my mind"))
    later, earlier = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
    cases: dict[str, Callable[[], object]] = {
        "none": lambda: permit("swap", faces, None, store=store, today=TODAY),
        "unknown id": lambda: permit("swap", faces, "c-0123456789abcdef", store=store, today=TODAY),
        "forged": lambda: permit("swap", faces, edited("forged", forge), store=store, today=TODAY),
        "edited": lambda: permit("swap", faces, edited("edited", lengthen), store=store, today=TODAY),
        "newer": lambda: permit(
            "swap", faces, edited("newer", lambda it: it.update(version=2)), store=store, today=TODAY
        ),
        "damaged": lambda: permit("swap", faces, cut, store=store, today=TODAY),
        "expired": lambda: permit("swap", faces, made_up(key, until=earlier), store=store, today=TODAY),
        "not yet valid": lambda: permit("swap", faces, made_up(key, begins=later), store=store, today=TODAY),
        "revoked": lambda: permit("swap", faces, taken_back, store=store, today=TODAY),
        "other person": lambda: permit("swap", other, good, store=store, today=TODAY),
        "wrong use": lambda: permit("animate", faces, good, store=store, today=TODAY),
        "wrong project": lambda: permit("swap", faces, limited, project="Another", store=store, today=TODAY),
        "no project": lambda: permit("swap", faces, limited, store=store, today=TODAY),
    }
    return {name: _line(case) for name, case in cases.items()}


def _line(case: Callable[[], object]) -> str | None:
    try:
        case()
    except RefusedError as error:
        return str(error)
    return None
