"""Content credentials out of any file, by effigie or by others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from effigie.errors import EffigieError
from effigie.trust.certificate import trust_anchors
from effigie.trust.containers import READABLE, Watched, beside, context, opened, remains
from effigie.trust.seal import Unsealed, check_manifest, check_seal

State = Literal["trusted", "valid", "broken", "absent"]

READING_SECONDS = 60.0
"""Longest reading of one file; a gigabyte takes a few seconds."""
LARGEST_SIDECAR = 64 << 20  # bytes
LONGEST_TEXT = 500  # characters of anything that a file says
MOST_ENTRIES = 100
OUTPUT_ID = re.compile(r"[0-9a-f]{12}")
UNKNOWN_SIGNER = {"signingCredential.untrusted": "its signer is not on a trust list of this machine"}
"""Findings that do not touch what was signed: the signature and the hashes hold."""
OUT_OF_DATE = {
    "signingCredential.expired": "its certificate has run out, and no time stamp says that it was signed before",
    "claimSignature.outsideValidity": "its certificate has run out, and no time stamp says that it was signed before",
}
NO_TIME = ("timeStamp.", "timeOfSigning.")
"""A time stamp that cannot be trusted says nothing; the signature holds without it."""


@dataclass(frozen=True)
class Ingredient:
    """One thing that a file was made from.

    Attributes:
        title: its file name.
        relationship: ``parentOf`` (was edited), ``componentOf`` (was put in) or ``inputTo``.
        state: of its own credentials, when it was used; trust as judged now.
        generator, issuer: program and signer of its credentials.
        output_id: if effigie made it.
        problems: what does not hold.
    """

    title: str
    relationship: str
    state: State
    generator: str | None = None
    issuer: str | None = None
    output_id: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class CredentialState:
    """What the credentials of a file say and whether they hold.

    Attributes:
        state: ``trusted``: signature and hashes hold and the signer is on a trust list of this machine; ``valid``: they
            hold, the signer is unknown; ``broken``: anything was changed afterwards; ``absent``: there are none.
        issuer: organisation and name on the certificate.
        generator: the program that made the file, by its own word.
        ours: an output of effigie by its own word; only as good as the state.
        output_id, command, consents, model_hash: of an output of effigie.
        source_types: IPTC digital source types, last part of their URI.
        actions: what was done, in order, such as ``c2pa.opened``.
        ingredients: what it was made from.
        mark: the id that the invisible mark carries, by the credentials' word (12 hex digits), or None.
        signed_at: time by a time-stamp authority, ISO 8601, or None.
        problems: a sentence for each thing that does not hold or could not be checked.
    """

    state: State
    issuer: str | None = None
    generator: str | None = None
    ours: bool = False
    output_id: str | None = None
    command: str | None = None
    consents: tuple[str, ...] = ()
    model_hash: str | None = None
    source_types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    mark: str | None = None
    signed_at: str | None = None
    problems: tuple[str, ...] = ()


def read_credentials(path: Path) -> CredentialState:
    """The credentials in a file, or in the ``.c2pa`` beside it. Contacts nobody, never raises on what a file holds.

    A missing or unreadable file is ``absent`` with the reason among the problems.
    """
    path = Path(path)
    try:
        return _read(path)
    except (EffigieError, OSError, ValueError, RecursionError) as error:
        return CredentialState("absent", problems=(_text(error),))


def _read(path: Path) -> CredentialState:
    import c2pa

    sidecar = _sidecar(path)
    media_type = READABLE.get(path.suffix.lower(), "application/octet-stream")
    with opened(path) as stream, context(trust_anchors()) as settings:
        try:
            with c2pa.Reader(media_type, Watched(stream, READING_SECONDS), sidecar, settings) as reader:
                store = json.loads(reader.json())
        except c2pa.C2paError.ManifestNotFound:
            return _unreadable(path, sidecar, None)
        except (c2pa.C2paError, ValueError, RecursionError) as error:
            return _unreadable(path, sidecar, error)
        state = _described(store)
        if state.ours and state.state != "broken":
            try:
                if sidecar is None:
                    check_seal(stream, _string(_get(_output(store), "boxes_sha256")))
                else:
                    check_manifest(sidecar)
            except Unsealed as error:
                return replace(
                    state, state="broken", problems=(*state.problems, f"{error} after it was signed")
                )
    return state


def _sidecar(path: Path) -> bytes | None:
    if path.suffix.lower() in READABLE or path.suffix.lower() == ".c2pa" or not beside(path).is_file():
        return None
    with opened(beside(path)) as stream:
        return stream.read(LARGEST_SIDECAR)


def _unreadable(path: Path, sidecar: bytes | None, error: Exception | None) -> CredentialState:
    """None, or some that were destroyed?"""
    reason = _text(error) if error else "no manifest can be found"
    if sidecar is not None or remains(path):
        return CredentialState(
            "broken", problems=(f"there are credentials, but they cannot be read: {reason}",)
        )
    if error is None:
        return CredentialState("absent")
    return CredentialState("absent", problems=(f"the file could not be searched for credentials: {reason}",))


def _described(store: Any) -> CredentialState:
    label = _get(store, "active_manifest")
    manifests = _get(store, "manifests")
    manifest = _get(manifests, label)
    success, failure = _findings(_get(store, "validation_results", "activeManifest"))
    state, problems = _judged(success, failure)
    if (
        _get(store, "validation_state") not in ("Valid", "Trusted")
        and state in ("valid", "trusted")
        and not problems
    ):
        state, problems = "broken", ("the C2PA library calls it invalid without a reason",)
    output = _output(store)
    actions = _list(_get(_assertion(manifest, "c2pa.actions"), "actions"))
    generator = _generator(manifest)
    ours = output is not None and (generator or "").startswith("effigie")
    return CredentialState(
        state=state,
        issuer=_issuer(manifest),
        generator=generator,
        ours=ours,
        output_id=_output_id(output) if ours else None,
        command=_string(_get(output, "command")) if ours else None,
        consents=tuple(filter(None, map(_string, _list(_get(output, "consents"))))) if ours else (),
        model_hash=_string(_get(output, "model_sha256")) if ours else None,
        source_types=tuple(_source_types(actions)),
        actions=tuple(filter(None, (_string(_get(action, "action")) for action in actions))),
        ingredients=tuple(_ingredients(store, manifests, manifest)),
        mark=_output_id(output) if ours and _assertion(manifest, "c2pa.soft-binding") is not None else None,
        signed_at=_string(_get(manifest, "signature_info", "time")),
        problems=problems,
    )


def _output(store: Any) -> Any:
    """What effigie says in the newest manifest."""
    return _assertion(_get(store, "manifests", _get(store, "active_manifest")), "org.effigie.output")


def _judged(success: set[str], failure: set[str]) -> tuple[State, tuple[str, ...]]:
    """The state that findings amount to, and what they mean in words."""
    serious = sorted(
        code for code in failure if code not in UNKNOWN_SIGNER | OUT_OF_DATE and not code.startswith(NO_TIME)
    )
    if serious or "claimSignature.validated" not in success:
        words = tuple(_words(code) for code in serious) or ("its signature does not hold",)
        return "broken", words
    problems = [text for code, text in UNKNOWN_SIGNER.items() if code in failure]
    problems += sorted({text for code, text in OUT_OF_DATE.items() if code in failure})
    trusted = "signingCredential.trusted" in success and not failure & (UNKNOWN_SIGNER | OUT_OF_DATE).keys()
    return ("trusted" if trusted else "valid"), tuple(problems)


def _words(code: str) -> str:
    if code.endswith("Hash.mismatch"):
        return f"the file was changed after it was signed ({code})"
    if code.startswith(("assertion.", "claim")):
        return f"the credentials were changed after they were signed ({code})"
    return f"the credentials do not hold ({code})"


def _findings(results: Any) -> tuple[set[str], set[str]]:
    """Codes of what was found to hold and not to hold."""
    success, failure = (
        {code for code in (_string(_get(entry, "code")) for entry in _list(_get(results, kind))) if code}
        for kind in ("success", "failure")
    )
    return success, failure


def _ingredients(store: Any, manifests: Any, manifest: Any) -> Iterator[Ingredient]:
    deltas = _list(_get(store, "validation_results", "ingredientDeltas"))
    for entry in _list(_get(manifest, "ingredients"))[:MOST_ENTRIES]:
        title = _string(_get(entry, "title")) or "unnamed"
        relationship = _string(_get(entry, "relationship")) or "unknown"
        own = _get(manifests, _get(entry, "active_manifest"))
        if own is None:
            yield Ingredient(title, relationship, "absent")
            continue
        then, then_failure = _findings(_get(entry, "validation_results", "activeManifest"))
        now, now_failure = set[str](), set[str]()
        for delta in deltas:
            # What has changed since, such as who is trusted. Only what concerns this ingredient.
            uri = _string(_get(delta, "ingredientAssertionURI")) or ""
            if uri.endswith(f"/{_string(_get(entry, 'label'))}"):
                success, failure = _findings(_get(delta, "validationDeltas"))
                now, now_failure = now | success, now_failure | failure
        state, problems = _judged(then | now, then_failure | now_failure)
        output = _assertion(own, "org.effigie.output")
        yield Ingredient(
            title, relationship, state, _generator(own), _issuer(own), _output_id(output), problems
        )


def _source_types(actions: list[Any]) -> Iterator[str]:
    for action in actions:
        source_type = _string(_get(action, "digitalSourceType"))
        if source_type:
            yield source_type.rstrip("/").rpartition("/")[2]


def _assertion(manifest: Any, label: str) -> Any:
    """The data of an assertion, of any version."""
    for assertion in _list(_get(manifest, "assertions")):
        name = _string(_get(assertion, "label")) or ""
        if name == label or name.startswith(f"{label}.v"):
            return _get(assertion, "data")
    return None


def _generator(manifest: Any) -> str | None:
    information = _list(_get(manifest, "claim_generator_info"))
    name = _string(_get(information[0], "name")) if information else None
    if name is None:
        return _string(_get(manifest, "claim_generator"))
    version = _string(_get(information[0], "version"))
    return f"{name} {version}" if version else name


def _issuer(manifest: Any) -> str | None:
    parts = (_string(_get(manifest, "signature_info", key)) for key in ("issuer", "common_name"))
    return ", ".join(part for part in parts if part) or None


def _output_id(output: Any) -> str | None:
    text = _string(_get(output, "output_id"))
    return text if text and OUTPUT_ID.fullmatch(text) else None


def _get(value: Any, *keys: Any) -> Any:
    """A value deep in what a stranger wrote; None where the shape is another."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    return value


def _list(value: Any) -> list[Any]:
    return value[:MOST_ENTRIES] if isinstance(value, list) else []


def _string(value: Any) -> str | None:
    return _text(value) if isinstance(value, str) and value else None


def _text(value: object) -> str:
    """One printable line: what a file says may end up on a terminal."""
    text = "".join(
        character if character.isprintable() else " " for character in str(value)[: 4 * LONGEST_TEXT]
    )
    return " ".join(text.split())[:LONGEST_TEXT]
