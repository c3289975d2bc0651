"""Signing of outputs with content credentials by the C2PA standard."""

from __future__ import annotations

import base64
import io
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from effigie._version import __version__
from effigie.errors import EffigieError, UsageError
from effigie.io.atomic_write import atomic_write, readable_name
from effigie.provenance.c2pa.box_space import BoxSpaceError, open_space
from effigie.provenance.c2pa.certificate import SigningIdentity, select_identity, trust_anchors
from effigie.provenance.c2pa.containers import (
    EMBEDDABLE,
    IN_PLACE,
    READABLE,
    SIDECAR_ONLY,
    WatchdogStream,
    create_context,
    open_ordinary_file,
    sidecar_path,
)
from effigie.provenance.c2pa.native import (
    RAW_MANIFEST,
    hash_stream,
    make_placeholder,
    sign_embeddable,
    supports_signing_in_place,
)
from effigie.provenance.c2pa.reader import OUTPUT_ID_PATTERN, OUTPUT_LABEL
from effigie.provenance.c2pa.strict_check import StrictCheckError, hash_unprotected_boxes

if TYPE_CHECKING:
    import c2pa

COMPOSITE_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC: a composite that includes elements made by a trained model."""
MADE_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC: made by a trained model, of nothing that was there before."""
TRIAL_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
"""A PNG of one black pixel."""
MARK_ALGORITHM = "org.effigie.mark.1"
SOUND_MARK_ALGORITHM = "org.effigie.mark.sound.1"


@dataclass(frozen=True)
class Claim:
    """What an output's credentials say about it.

    Attributes:
        output_id: 48 bits as 12 hex digits, the same in mark and ledger.
        command: the verb that made it.
        title: its file name.
        model_hash: SHA-256 of the model's manifest, of several separated by commas; or None.
        consents: ids of the consent records it rests on.
        ingredients: what it was made from; the first is what was edited, the others were put into it. A missing or
            damaged one is named without credentials.
        watermarked: whether the invisible mark of the pictures carries the output id.
        sound_watermarked: whether that of the sound does.
        has_face, has_voice: whether a person's face was made, and a person's voice.
        strengths: of each consent, ``attested``, ``granted`` or ``witnessed``.
    """

    output_id: str
    command: str
    title: str = ""
    model_hash: str | None = None
    consents: tuple[str, ...] = ()
    ingredients: tuple[Path, ...] = ()
    watermarked: bool = False
    sound_watermarked: bool = False
    has_face: bool = True
    has_voice: bool = False
    strengths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not OUTPUT_ID_PATTERN.fullmatch(self.output_id):
            raise UsageError(f"an output id is 12 hex digits, not {self.output_id!r}")

    @property
    def statement(self) -> str:
        """What was done, in words."""
        if self.has_face and self.has_voice:
            return "a consenting person's likeness and voice were put into it by a trained model"
        if self.has_voice:
            return "it speaks in a consenting person's voice, which a trained model made"
        return "a consenting person's likeness was put into it by a trained model"


def check_signing(identity: SigningIdentity, tsa_url: str | None = None) -> None:
    """Sign something small in memory, to see that certificate and time-stamp authority can.

    Raises:
        EffigieError: they cannot; says why.
    """
    image = Path("a trial picture")
    definition = _manifest_definition(Claim("000000000000", "trial"), "image/png", None)
    with (
        _convert_errors(image, tsa_url),
        _create_builder(definition, Claim("000000000000", ""), identity, tsa_url) as b,
    ):
        b.sign("image/png", io.BytesIO(TRIAL_PICTURE), io.BytesIO())


def sign_in_place(
    path: Path, claim: Claim, identity: SigningIdentity | None = None, tsa_url: str | None = None
) -> bool:
    """Embed credentials in an MP4 or MOV without a copy of it; the disk needs room for the manifest alone.

    While this runs the file is not whole: it must not bear its final name yet.

    Args:
        path, claim, identity, tsa_url: as for :func:`sign_file`.

    Returns:
        False where that cannot be done (another format, an old library): the file is as it was; sign a copy.
    """
    media_type = EMBEDDABLE.get(path.suffix.lower(), "")
    if media_type not in IN_PLACE or not supports_signing_in_place():
        return False
    with open_ordinary_file(path) as source:
        boxes = _hash_boxes(source, path)
    definition = _manifest_definition(claim, media_type, boxes)
    with _convert_errors(path, tsa_url), _create_builder(definition, claim, identity, tsa_url) as builder:
        placeholder = make_placeholder(builder, media_type)
        with path.open("r+b") as stream:
            try:
                start = open_space(stream, len(placeholder))
            except BoxSpaceError:
                return False
            stream.seek(start)
            stream.write(placeholder)
            stream.flush()
            hash_stream(builder, media_type, WatchdogStream(stream))
            manifest = sign_embeddable(builder, media_type)
            if len(manifest) != len(placeholder):
                raise EffigieError(f"cannot sign {path} (the manifest outgrew its place): report it")
            stream.seek(start)
            stream.write(manifest)
    return True


def sign_file(
    path: Path, destination: Path, claim: Claim, identity: SigningIdentity | None = None, tsa_url: str | None = None
) -> None:
    """Write ``path`` with embedded credentials to ``destination``, whole or not at all. Streams.

    Args:
        path: of a kind in :data:`EMBEDDABLE`; credentials that it has itself are replaced, those of ingredients kept.
        identity: who signs; None takes :func:`effigie.provenance.c2pa.certificate.select_identity`.
        tsa_url: an RFC 3161 time-stamp authority to confirm the time; None contacts nobody.
    """
    media_type = EMBEDDABLE.get(path.suffix.lower())
    if media_type is None:
        raise UsageError(f"{path.suffix or path.name} holds no credentials: use {', '.join(EMBEDDABLE)}")
    with open_ordinary_file(path) as source, atomic_write(destination) as temporary, temporary.open("w+b") as signed:
        _sign_stream(source, signed, media_type, claim, identity, tsa_url, path, embed=True)


def sign_sidecar(
    path: Path,
    claim: Claim,
    identity: SigningIdentity | None = None,
    tsa_url: str | None = None,
    sidecar: Path | None = None,
) -> Path:
    """Write the credentials of a file that cannot hold them, such as .mkv, into a ``.c2pa`` file beside it.

    Args:
        sidecar: where; None takes :func:`sidecar_path`. The others are as for :func:`sign_file`.
    """
    sidecar = sidecar or sidecar_path(path)
    media_type = {**EMBEDDABLE, **SIDECAR_ONLY}.get(path.suffix.lower(), "application/octet-stream")
    with open_ordinary_file(path) as source, atomic_write(sidecar) as temporary:
        if supports_signing_in_place():
            definition = _manifest_definition(claim, media_type, None)
            with _convert_errors(path, tsa_url), _create_builder(definition, claim, identity, tsa_url) as builder:
                builder.set_no_embed()
                hash_stream(builder, RAW_MANIFEST, WatchdogStream(source))
                temporary.write_bytes(sign_embeddable(builder, RAW_MANIFEST))
        else:
            with tempfile.TemporaryFile(dir=sidecar.parent) as copy:  # which the library makes while it hashes
                manifest = _sign_stream(source, copy, media_type, claim, identity, tsa_url, path, embed=False)
            temporary.write_bytes(manifest)
    return sidecar


def _sign_stream(
    source: BinaryIO,
    output: IO[bytes],
    media_type: str,
    claim: Claim,
    identity: SigningIdentity | None,
    tsa_url: str | None,
    path: Path,
    embed: bool,
) -> bytes:
    """The manifest, as bytes; into ``output`` goes the file with it."""
    boxes = _hash_boxes(source, path) if embed else None
    source.seek(0)
    definition = _manifest_definition(claim, media_type, boxes)
    with _convert_errors(path, tsa_url), _create_builder(definition, claim, identity, tsa_url) as builder:
        if not embed:
            builder.set_no_embed()
        return builder.sign(media_type, source, output)


def _hash_boxes(source: BinaryIO, path: Path) -> str | None:
    try:
        return hash_unprotected_boxes(source)
    except StrictCheckError as error:
        raise EffigieError(f"cannot sign {path} ({error}): check that the file is whole") from error


@contextmanager
def _create_builder(
    definition: dict[str, Any], claim: Claim, identity: SigningIdentity | None, tsa_url: str | None
) -> Iterator[c2pa.Builder]:
    """A builder that signs as ``identity``, with the claim's ingredients."""
    import c2pa

    identity = identity or select_identity()
    chain, key = identity.certificate_chain_pem.encode("ascii"), identity.private_key_pem.encode("ascii")
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(identity.alg, chain, key, tsa_url))
    with create_context(trust_anchors(), tsa_url, signer) as context, c2pa.Builder(definition, context) as builder:
        for index, ingredient in enumerate(claim.ingredients):
            _add_ingredient(builder, index, ingredient)
        yield builder


@contextmanager
def _convert_errors(path: Path, tsa_url: str | None) -> Iterator[None]:
    """Convert the library's errors to one line about the file."""
    import c2pa

    try:
        yield
    except c2pa.C2paError as error:
        reason = " ".join(str(error).split())
        if tsa_url and re.search(r"http|time.?stamp", reason, re.IGNORECASE):
            raise EffigieError(f"{tsa_url} gave no time stamp for {path} ({reason}): try again, or without") from error
        raise EffigieError(
            f"cannot sign {path} ({reason}): check that the file is whole and the certificate is one for C2PA"
        ) from error


def _manifest_definition(claim: Claim, media_type: str, boxes: str | None) -> dict[str, Any]:
    agent = {"name": "effigie", "version": __version__}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    change = {
        "softwareAgent": agent,
        "when": now,
        "digitalSourceType": COMPOSITE_SOURCE_TYPE if claim.ingredients or claim.has_face else MADE_SOURCE_TYPE,
        "description": f"{claim.statement} (effigie {claim.command})",
    }
    actions: list[dict[str, Any]] = [
        {
            "action": "c2pa.placed" if index else "c2pa.opened",
            "when": now,
            "parameters": {"ingredientIds": [f"ingredient-{index}"]},
        }
        for index in range(len(claim.ingredients))
    ]
    actions.append({"action": "c2pa.edited" if claim.ingredients else "c2pa.created", **change})
    output = {
        "output_id": claim.output_id,
        "command": claim.command,
        "consents": list(claim.consents),
        "consent_strengths": list(claim.strengths),
        "model_sha256": claim.model_hash,
        "version": __version__,
        "boxes_sha256": boxes,
    }
    # Whether others may train generative models on it: no consent record covers that.
    training = {"cawg.ai_generative_training": {"use": "notAllowed"}}
    assertions: list[dict[str, Any]] = [
        {"label": "c2pa.actions", "data": {"actions": actions}},
        {"label": OUTPUT_LABEL, "data": output},
        {"label": "cawg.training-mining", "data": {"entries": training}},
    ]
    for present, algorithm in ((claim.watermarked, MARK_ALGORITHM), (claim.sound_watermarked, SOUND_MARK_ALGORITHM)):
        if present:
            block = {"scope": {}, "value": claim.output_id}
            assertions.append({"label": "c2pa.soft-binding", "data": {"alg": algorithm, "blocks": [block]}})
    return {
        "claim_version": 2,
        "claim_generator_info": [agent],
        "title": claim.title,
        "format": media_type,
        "assertions": assertions,
    }


def _add_ingredient(builder: c2pa.Builder, index: int, path: Path) -> None:
    """Name an input, with the credentials it brings along if it has any."""
    import c2pa

    definition = {
        "title": readable_name(path.name),
        "label": f"ingredient-{index}",
        "relationship": "componentOf" if index else "parentOf",
    }
    media_type = READABLE.get(path.suffix.lower(), "application/octet-stream")
    try:
        with open_ordinary_file(path) as stream:
            builder.add_ingredient(json.dumps(definition), media_type, WatchdogStream(stream))
    except (EffigieError, c2pa.C2paError):
        # What cannot be read has no credentials to keep; that it was used still belongs into the record.
        definition["description"] = "could not be read when this was signed"
        builder.add_ingredient(json.dumps(definition), "application/octet-stream", io.BytesIO())
