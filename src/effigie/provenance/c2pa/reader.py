"""Content credentials out of any file, by effigie or by others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError
from effigie.provenance.c2pa.certificate import trust_anchors
from effigie.provenance.c2pa.containers import READABLE, Watched, beside, context, opened, remains
from effigie.provenance.c2pa.findings import (
    SPOILT_TIME,
    State,
    entries,
    findings,
    get,
    judged,
    line,
    notes,
    serious,
    string,
)
from effigie.provenance.c2pa.strict_check import Unsealed, check_manifest, check_seal

LARGEST_SIDECAR = 64 << 20  # bytes
OUTPUT_ID = re.compile(r"[0-9a-f]{12}")


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
        signed_at: time by a time-stamp authority on a trust list, ISO 8601, or None.
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
        return CredentialState("absent", problems=(line(error),))


def _read(path: Path) -> CredentialState:
    import c2pa

    if path.suffix.lower() == ".c2pa":
        raise EffigieError(f"{path} holds the credentials of another file: check that one")
    sidecar = _sidecar(path)
    media_type = READABLE.get(path.suffix.lower(), "application/octet-stream")
    anchors, problems = _anchors()
    with opened(path) as stream, context(anchors) as settings:
        watched = Watched(stream)
        try:
            with c2pa.Reader(media_type, watched, sidecar, settings) as reader:
                store = json.loads(reader.json())
        except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
            return _unreadable(path, sidecar, None)
        except (c2pa.C2paError, ValueError, RecursionError) as error:
            return _unreadable(path, sidecar, watched.late or error)
        state = _described(store)
        state = replace(state, problems=(*state.problems, *problems))
        if state.ours and state.state != "broken":
            try:
                if notes(get(store, "validation_results", "activeManifest")) & SPOILT_TIME:
                    raise Unsealed("the time stamp was changed")
                if sidecar is None:
                    check_seal(stream, string(get(_output(store), "boxes_sha256")))
                else:
                    check_manifest(sidecar)
            except Unsealed as error:
                return replace(
                    state, state="broken", problems=(*state.problems, f"{error} after it was signed")
                )
    return state


def _anchors() -> tuple[str, tuple[str, ...]]:
    """Who is trusted; a list that cannot be read makes nobody's credentials disappear."""
    try:
        return trust_anchors(), ()
    except EffigieError as error:
        return "", (f"nobody could be trusted: {line(error)}",)


def _sidecar(path: Path) -> bytes | None:
    if path.suffix.lower() in READABLE or not beside(path).is_file():
        return None
    with opened(beside(path)) as stream:
        return stream.read(LARGEST_SIDECAR)


def _unreadable(path: Path, sidecar: bytes | None, error: Exception | None) -> CredentialState:
    """None, or some that were destroyed?"""
    reason = line(error) if error else "no manifest can be found"
    if sidecar is not None or remains(path):
        return CredentialState(
            "broken", problems=(f"there are credentials, but they cannot be read: {reason}",)
        )
    if error is None:
        return CredentialState("absent")
    return CredentialState("absent", problems=(f"the file could not be searched for credentials: {reason}",))


def _described(store: Any) -> CredentialState:
    label = get(store, "active_manifest")
    manifests = get(store, "manifests")
    manifest = get(manifests, label)
    success, failure = findings(get(store, "validation_results", "activeManifest"))
    # What has changed in the chain since: any of it but trust means that this file was changed.
    deltas = entries(get(store, "validation_results", "ingredientDeltas"))
    later = set[str]().union(*(findings(get(delta, "validationDeltas"))[1] for delta in deltas))
    state, problems = judged(success, failure | serious(later))
    if get(store, "validation_state") not in ("Valid", "Trusted") and not failure and not later:
        state, problems = "broken", ("the C2PA library calls it invalid without a reason",)
    output = _output(store)
    actions = entries(get(_assertion(manifest, "c2pa.actions"), "actions"))
    generator = _generator(manifest)
    ours = output is not None and (generator or "").startswith("effigie")
    return CredentialState(
        state=state,
        issuer=_issuer(manifest),
        generator=generator,
        ours=ours,
        output_id=_output_id(output) if ours else None,
        command=string(get(output, "command")) if ours else None,
        consents=tuple(filter(None, map(string, entries(get(output, "consents"))))) if ours else (),
        model_hash=string(get(output, "model_sha256")) if ours else None,
        source_types=tuple(_source_types(actions)),
        actions=tuple(filter(None, (string(get(action, "action")) for action in actions))),
        ingredients=tuple(_ingredients(store, manifests, manifest)),
        mark=_output_id(output) if ours and _assertion(manifest, "c2pa.soft-binding") is not None else None,
        signed_at=_signed_at(manifest, success),
        problems=problems,
    )


def _output(store: Any) -> Any:
    """What effigie says in the newest manifest."""
    return _assertion(get(store, "manifests", get(store, "active_manifest")), "org.effigie.output")


def _ingredients(store: Any, manifests: Any, manifest: Any) -> Iterator[Ingredient]:
    deltas = entries(get(store, "validation_results", "ingredientDeltas"))
    for entry in entries(get(manifest, "ingredients")):
        title = string(get(entry, "title")) or "unnamed"
        relationship = string(get(entry, "relationship")) or "unknown"
        own = get(manifests, get(entry, "active_manifest"))
        if own is None:
            yield Ingredient(title, relationship, "absent")
            continue
        then, then_failure = findings(get(entry, "validation_results", "activeManifest"))
        now, now_failure = set[str](), set[str]()
        for delta in deltas:
            # What has changed since, such as who is trusted. Only what concerns this ingredient.
            uri = string(get(delta, "ingredientAssertionURI")) or ""
            if uri.endswith(f"/{string(get(entry, 'label'))}"):
                success, failure = findings(get(delta, "validationDeltas"))
                now, now_failure = now | success, now_failure | failure
        state, problems = judged(then | now, then_failure | now_failure)
        output = _assertion(own, "org.effigie.output")
        yield Ingredient(
            title, relationship, state, _generator(own), _issuer(own), _output_id(output), problems
        )


def _source_types(actions: list[Any]) -> Iterator[str]:
    for action in actions:
        source_type = string(get(action, "digitalSourceType"))
        if source_type:
            yield source_type.rstrip("/").rpartition("/")[2]


def _assertion(manifest: Any, label: str) -> Any:
    """The data of an assertion, of any version."""
    for assertion in entries(get(manifest, "assertions")):
        name = string(get(assertion, "label")) or ""
        if name == label or name.startswith(f"{label}.v"):
            return get(assertion, "data")
    return None


def _generator(manifest: Any) -> str | None:
    information = entries(get(manifest, "claim_generator_info"))
    name = string(get(information[0], "name")) if information else None
    if name is None:
        return string(get(manifest, "claim_generator"))
    version = string(get(information[0], "version"))
    return f"{name} {version}" if version else name


def _issuer(manifest: Any) -> str | None:
    parts = (string(get(manifest, "signature_info", key)) for key in ("issuer", "common_name"))
    return ", ".join(part for part in parts if part) or None


def _signed_at(manifest: Any, success: set[str]) -> str | None:
    """Only an authority on a trust list is believed."""
    return string(get(manifest, "signature_info", "time")) if "timeStamp.trusted" in success else None


def _output_id(output: Any) -> str | None:
    text = string(get(output, "output_id"))
    return text if text and OUTPUT_ID.fullmatch(text) else None
