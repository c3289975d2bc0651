"""Signs and checks a folder of layers: EXR holds no credentials, so a manifest lists every file and is signed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from effigie.io.atomic_write import read_json, sha256, write_json
from effigie.media.layers.plan import LAYER_NAMES, MANIFEST, NOTICE
from effigie.provenance.c2pa.certificate import SigningIdentity
from effigie.provenance.c2pa.containers import sidecar_path
from effigie.provenance.c2pa.credentials import Claim, sign_sidecar
from effigie.provenance.c2pa.reader import CredentialState, read_credentials
from effigie.provenance.label import sidecar_text

MAX_NAMED = 3  # changed files that are named one by one


def sign_layers(folder: Path, claim: Claim, identity: SigningIdentity, tsa_url: str | None = None) -> None:
    """Write notice, manifest and the manifest's credentials into a folder of layers; all other files are there.

    Args:
        claim, identity, tsa_url: as for :func:`effigie.provenance.c2pa.credentials.sign_file`.
    """
    (folder / NOTICE).write_text(sidecar_text(claim), encoding="utf-8")
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    manifest = folder / MANIFEST
    write_json(manifest, {"output_id": claim.output_id, "sha256": files})
    sign_sidecar(manifest, claim, identity, tsa_url, sidecar_path(manifest))


def is_layer(path: Path) -> bool:
    """Whether a file is named like a layer, and has a manifest beside it."""
    return re.fullmatch(r"\d+\.exr", path.name) is not None and path.with_name(MANIFEST).is_file()


def read_layer_credentials(path: Path) -> CredentialState | None:
    """The credentials of a folder's manifest, of the manifest or of one of its layers; None of any other file.

    They are ``broken`` where a file that the manifest lists is not as it was; of one layer, where that is not.
    """
    is_one = is_layer(path)
    manifest = path.with_name(MANIFEST) if is_one else path
    if manifest.name != MANIFEST or not manifest.is_file():
        return None
    state = read_credentials(manifest)
    if not state.is_effigie_output or state.state not in ("valid", "trusted"):
        return None if is_one else state
    try:
        listed = _read_manifest(manifest)
        if is_one and path.name not in listed:
            return None
        problems = _compare_files(manifest, {path.name: listed[path.name]} if is_one else listed, not is_one)
    except (OSError, ValueError) as error:
        problems = [f"the manifest of layers could not be followed: {error}"]
    return replace(state, state="broken", problems=(*state.problems, *problems)) if problems else state


def _read_manifest(manifest: Path) -> dict[str, str]:
    """SHA-256 by file name; ValueError if it is no manifest of layers."""
    value = read_json(manifest)
    listed = value.get("sha256") if isinstance(value, dict) else None
    if not isinstance(listed, dict) or not all(re.fullmatch(LAYER_NAMES, name) for name in listed):
        raise ValueError("it lists no layers")
    return listed


def _compare_files(manifest: Path, listed: dict[str, str], whole: bool) -> list[str]:
    """What does not agree with the digests of a manifest, a sentence each; ``whole`` looks for further layers too."""
    folder = manifest.parent
    missing = [name for name in listed if not (folder / name).is_file()]
    changed = [name for name in listed if name not in missing and sha256(folder / name) != listed[name]]
    added = sorted(path.name for path in folder.glob("*.exr") if whole and path.name not in listed)
    kinds = ((changed, "changed after it was signed"), (missing, "missing"), (added, "not in the signed manifest"))
    return [sentence for names, what in kinds for sentence in _name_files(names, what)]


def _name_files(names: list[str], what: str) -> list[str]:
    more = len(names) - MAX_NAMED
    return [f"{name} is {what}" for name in names[:MAX_NAMED]] + ([f"and {more} more: {what}"] if more > 0 else [])
