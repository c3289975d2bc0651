"""Reader of the content credentials of any file, by effigie or by others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from effigie.errors import EffigieError
from effigie.io.stored_names import STORED_NAME
from effigie.provenance.c2pa.certificate import trust_anchors
from effigie.provenance.c2pa.containers import (
    READABLE,
    WatchdogStream,
    create_context,
    has_manifest_fragments,
    open_ordinary_file,
    sidecar_path,
)
from effigie.provenance.c2pa.findings import (
    BROKEN_TIME,
    State,
    get_entries,
    get_nested,
    get_text,
    judge_codes,
    list_codes,
    tampering_codes,
    to_printable_line,
    validation_codes,
)
from effigie.provenance.c2pa.strict_check import StrictCheckError, check_container, check_manifest_store

MAX_SIDECAR_BYTES = 64 << 20  # bytes
OUTPUT_LABEL = "org.effigie.output"
OUTPUT_ID_PATTERN = re.compile(r"[0-9a-f]{12}")


SHORT_FILE_WORDS = ("failed to fill whole buffer", "unexpected end of file", "unexpectedeof")
"""What the library says of a file that ends before what it begins with."""


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
        is_effigie_output: by its own word; only as good as the state.
        output_id, command, consents, consent_strengths, model_hash: of an output of effigie.
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
    is_effigie_output: bool = field(default=False, metadata={STORED_NAME: "ours"})
    output_id: str | None = None
    command: str | None = None
    consents: tuple[str, ...] = ()
    consent_strengths: tuple[str, ...] = ()
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
        return CredentialState("absent", problems=(to_printable_line(error),))


def _read(path: Path) -> CredentialState:
    import c2pa

    if path.suffix.lower() == ".c2pa":
        raise EffigieError(f"{path} holds the credentials of another file: check that one")
    sidecar = _read_sidecar(path)
    media_type = READABLE.get(path.suffix.lower(), "application/octet-stream")
    anchors, problems = _load_trust_anchors()
    with open_ordinary_file(path) as stream, create_context(anchors) as settings:
        watchdog = WatchdogStream(stream)
        try:
            with c2pa.Reader(media_type, watchdog, sidecar, settings) as reader:
                store = json.loads(reader.json())
        except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
            return _unreadable_state(path, sidecar, None)
        except (c2pa.C2paError, ValueError, RecursionError) as error:
            return _unreadable_state(path, sidecar, watchdog.late or error)
        state = _describe_store(store)
        state = replace(state, problems=(*state.problems, *problems))
        if state.is_effigie_output and state.state != "broken":
            try:
                _check_strictly(stream, sidecar, store)
            except StrictCheckError as error:
                problems = (*state.problems, f"{error} after it was signed")
                return replace(state, state="broken", problems=problems)
    return state


def _check_strictly(stream: BinaryIO, sidecar: bytes | None, store: Any) -> None:
    """Check what the library passes over, in an output of effigie."""
    if list_codes(get_nested(store, "validation_results", "activeManifest"), "informational") & BROKEN_TIME:
        raise StrictCheckError("the time stamp was changed")
    if sidecar is not None:
        check_manifest_store(sidecar)
        return
    manifest = get_nested(store, "manifests", get_nested(store, "active_manifest"))
    check_container(stream, get_text(_read_assertion(manifest, OUTPUT_LABEL), "boxes_sha256"))


def _load_trust_anchors() -> tuple[str, tuple[str, ...]]:
    """Load the trust list; one that cannot be read does not hide credentials."""
    try:
        return trust_anchors(), ()
    except EffigieError as error:
        return "", (f"nobody could be trusted: {to_printable_line(error)}",)


def _read_sidecar(path: Path) -> bytes | None:
    if path.suffix.lower() in READABLE or not sidecar_path(path).is_file():
        return None
    with open_ordinary_file(sidecar_path(path)) as stream:
        return stream.read(MAX_SIDECAR_BYTES)


def _unreadable_state(path: Path, sidecar: bytes | None, error: Exception | None) -> CredentialState:
    """State of a file without readable credentials: absent, or destroyed."""
    reason = _explain(error, path) if error else "no manifest can be found"
    if sidecar is not None or has_manifest_fragments(path):
        problem = f"there are credentials, but they cannot be read: {reason}"
        return CredentialState("broken", problems=(problem,))
    if error is None:
        return CredentialState("absent")
    return CredentialState("absent", problems=(f"the file could not be searched for credentials: {reason}",))


def _explain(error: Exception, path: Path) -> str:
    """Why the library cannot read a file, in words of the file, not of the library."""
    reason = to_printable_line(error)
    if path.stat().st_size == 0:
        return "it is empty"
    if any(words in reason.lower() for words in SHORT_FILE_WORDS):
        return (
            f"it ends too soon for a {path.suffix.lower() or 'file of its kind'}, so it is cut short or something else"
        )
    return reason.removeprefix("Io: ")


def _describe_store(store: Any) -> CredentialState:
    manifests = get_nested(store, "manifests")
    manifest = get_nested(manifests, get_nested(store, "active_manifest"))
    success, failure = validation_codes(get_nested(store, "validation_results", "activeManifest"))
    # What has changed in the chain since: any of it but trust means that this file was changed.
    deltas = get_entries(store, "validation_results", "ingredientDeltas")
    delta_codes = {code for delta in deltas for code in list_codes(get_nested(delta, "validationDeltas"), "failure")}
    state, problems = judge_codes(success, failure | tampering_codes(delta_codes))
    if get_nested(store, "validation_state") not in ("Valid", "Trusted") and not failure and not delta_codes:
        state, problems = "broken", ("the C2PA library calls it invalid without a reason",)
    output = _read_assertion(manifest, OUTPUT_LABEL)
    own = output is not None and (_read_generator(manifest) or "").startswith("effigie")
    claim = output if own else None
    actions = get_entries(_read_assertion(manifest, "c2pa.actions"), "actions")
    return CredentialState(
        state=state,
        issuer=_read_issuer(manifest),
        generator=_read_generator(manifest),
        is_effigie_output=own,
        output_id=_read_output_id(claim),
        command=get_text(claim, "command"),
        consents=tuple(filter(None, map(get_text, get_entries(claim, "consents")))),
        consent_strengths=tuple(get_text(one) or "" for one in get_entries(claim, "consent_strengths")),
        model_hash=get_text(claim, "model_sha256"),
        source_types=tuple(uri.rstrip("/").rpartition("/")[2] for uri in _texts(actions, "digitalSourceType")),
        actions=tuple(_texts(actions, "action")),
        ingredients=tuple(_read_ingredients(store, manifests, manifest)),
        mark=None if _read_assertion(manifest, "c2pa.soft-binding") is None else _read_output_id(claim),
        signed_at=get_text(manifest, "signature_info", "time") if "timeStamp.trusted" in success else None,
        problems=problems,
    )


def _read_ingredients(store: Any, manifests: Any, manifest: Any) -> Iterator[Ingredient]:
    deltas = get_entries(store, "validation_results", "ingredientDeltas")
    for entry in get_entries(manifest, "ingredients"):
        title = get_text(entry, "title") or "unnamed"
        relationship = get_text(entry, "relationship") or "unknown"
        own = get_nested(manifests, get_nested(entry, "active_manifest"))
        if own is None:
            yield Ingredient(title, relationship, "absent")
            continue
        then, then_failure = validation_codes(get_nested(entry, "validation_results", "activeManifest"))
        now, now_failure = set[str](), set[str]()
        for delta in deltas:
            # What has changed since, such as who is trusted. Only what concerns this ingredient.
            uri = get_text(delta, "ingredientAssertionURI") or ""
            if uri.endswith(f"/{get_text(entry, 'label')}"):
                success, failure = validation_codes(get_nested(delta, "validationDeltas"))
                now, now_failure = now | success, now_failure | failure
        state, problems = judge_codes(then | now, then_failure | now_failure)
        output_id = _read_output_id(_read_assertion(own, OUTPUT_LABEL))
        yield Ingredient(title, relationship, state, _read_generator(own), _read_issuer(own), output_id, problems)


def _texts(entries: list[Any], key: str) -> list[str]:
    return [text for entry in entries if (text := get_text(entry, key))]


def _read_assertion(manifest: Any, label: str) -> Any:
    """The data of an assertion, of any version."""
    for assertion in get_entries(manifest, "assertions"):
        name = get_text(assertion, "label") or ""
        if name == label or name.startswith(f"{label}.v"):
            return get_nested(assertion, "data")
    return None


def _read_generator(manifest: Any) -> str | None:
    information = get_entries(manifest, "claim_generator_info")
    name = get_text(information[0], "name") if information else None
    if name is None:
        return get_text(manifest, "claim_generator")
    version = get_text(information[0], "version")
    return f"{name} {version}" if version else name


def _read_issuer(manifest: Any) -> str | None:
    parts = (get_text(manifest, "signature_info", key) for key in ("issuer", "common_name"))
    return ", ".join(filter(None, parts)) or None


def _read_output_id(output: Any) -> str | None:
    text = get_text(output, "output_id")
    return text if text and OUTPUT_ID_PATTERN.fullmatch(text) else None
