"""Signs and checks a folder of layers, EXR or TIFF frames: these hold no credentials, so a manifest lists them all."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from effigie.io.atomic_write import read_json, sha256, write_json
from effigie.media.layers.plan import LAYER_NAMES, MANIFEST, NOTICE
from effigie.media.pictures.frame_files import FRAMES_MANIFEST
from effigie.provenance.c2pa.certificate import SigningIdentity
from effigie.provenance.c2pa.containers import sidecar_path
from effigie.provenance.c2pa.credentials import Claim, sign_sidecar
from effigie.provenance.c2pa.reader import CredentialState, read_credentials
from effigie.provenance.label import sidecar_text

MAX_NAMED = 3  # changed files that are named one by one
FRAME_NAMES = r"[^/\\]+\.(?i:exr|tiff?|png)"


def sign_layers(folder: Path, claim: Claim, identity: SigningIdentity, tsa_url: str | None = None) -> None:
    """Write notice, manifest and the manifest's credentials into a folder of layers; all other files are there.

    Args:
        claim, identity, tsa_url: as for :func:`effigie.provenance.c2pa.credentials.sign_file`.
    """
    (folder / NOTICE).write_text(sidecar_text(claim), encoding="utf-8")
    _sign_files(folder, MANIFEST, claim, identity, tsa_url)


def sign_frames(folder: Path, claim: Claim, identity: SigningIdentity, tsa_url: str | None = None) -> None:
    """Write manifest and its credentials into a folder of frames; the notice lies beside the folder."""
    _sign_files(folder, FRAMES_MANIFEST, claim, identity, tsa_url)


def _sign_files(folder: Path, name: str, claim: Claim, identity: SigningIdentity, tsa_url: str | None) -> None:
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    manifest = folder / name
    write_json(manifest, {"output_id": claim.output_id, "sha256": files})
    sign_sidecar(manifest, claim, identity, tsa_url, sidecar_path(manifest))


def find_manifest(path: Path) -> Path | None:
    """The manifest that a folder or a file in one is listed by, itself if it is one; None where there is none."""
    for name, names in ((MANIFEST, r"\d+\.exr"), (FRAMES_MANIFEST, FRAME_NAMES)):
        if path.name == name and path.is_file():
            return path
        manifest = path / name if path.is_dir() else path.with_name(name)
        if (path.is_dir() or re.fullmatch(names, path.name)) and manifest.is_file():
            return manifest
    return None


def is_listed(path: Path) -> bool:
    """Whether a file is a layer or a frame that a manifest beside it may list."""
    return path.is_file() and find_manifest(path) not in (None, path)


def read_layer_credentials(path: Path) -> CredentialState | None:
    """The credentials of a folder's manifest, of the manifest or of one of its layers; None of any other file.

    They are ``broken`` where a file that the manifest lists is not as it was; of one layer, where that is not.
    """
    is_one, manifest = is_listed(path), find_manifest(path)
    if manifest is None:
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
        problems = [f"the manifest could not be followed: {error}"]
    return replace(state, state="broken", problems=(*state.problems, *problems)) if problems else state


def _read_manifest(manifest: Path) -> dict[str, str]:
    """SHA-256 by file name; ValueError if it is no manifest of layers."""
    value = read_json(manifest)
    listed = value.get("sha256") if isinstance(value, dict) else None
    names = LAYER_NAMES if manifest.name == MANIFEST else FRAME_NAMES
    if not isinstance(listed, dict) or not all(re.fullmatch(names, name) for name in listed):
        raise ValueError("it lists no pictures")
    return listed


def _compare_files(manifest: Path, digests: dict[str, str], whole: bool) -> list[str]:
    """What does not agree with the digests of a manifest, a sentence each; ``whole`` looks for further layers too."""
    folder = manifest.parent
    missing = [name for name in digests if not (folder / name).is_file()]
    changed = [name for name in digests if name not in missing and sha256(folder / name) != digests[name]]
    added = sorted(
        path.name
        for path in folder.iterdir()
        if whole and path.name not in digests and re.fullmatch(FRAME_NAMES, path.name)
    )
    kinds = ((changed, "changed after it was signed"), (missing, "missing"), (added, "not in the signed manifest"))
    return [sentence for names, fault in kinds for sentence in _name_files(names, fault)]


def _name_files(names: list[str], fault: str) -> list[str]:
    more = len(names) - MAX_NAMED
    return [f"{name} is {fault}" for name in names[:MAX_NAMED]] + ([f"and {more} more: {fault}"] if more > 0 else [])
