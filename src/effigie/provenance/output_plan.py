"""Plans a signed output: what the media writer would write, and that it can be signed and entered in the ledger."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from effigie.errors import EffigieError
from effigie.io.atomic_write import convert_os_error
from effigie.io.home import home
from effigie.media import ClipInfo, EncodeSettings, FootageSettings, OutputPlan, plan_output, probe
from effigie.media.layers.plan import plan_layers
from effigie.media.output.place import is_same_disk
from effigie.media.output.plan import check_room
from effigie.media.output.stream_copy import TimeSpan
from effigie.media.pictures.frame_files import FRAMES_MANIFEST
from effigie.provenance.c2pa.certificate import SigningIdentity, select_identity
from effigie.provenance.c2pa.containers import sidecar_path, supports_embedding
from effigie.provenance.c2pa.credentials import check_signing
from effigie.provenance.c2pa.native import supports_signing_in_place
from effigie.provenance.config import TrustSettings

SIGNING_BYTES = 1 << 20  # of a manifest with its ingredients' credentials, of notice and ledger entry
COPIES_TO_SIGN = 2  # of a video that an old library makes: its own, and the signed one


def plan_signed_output(
    clip: str | Path | ClipInfo,
    output: str | Path,
    encode: EncodeSettings | None = None,
    trust: TrustSettings | None = None,
    span: TimeSpan | None = None,
    max_frames: int | None = None,
    layers: Path | None = None,
    footage: FootageSettings | None = None,
) -> OutputPlan:
    """Plan the output of a conversion or an animation: everything that could fail at its end is settled here.

    Checked are: container, codec and size; what becomes of sound, subtitles, attachments, data and timecode; name,
    folder, permissions and disk space; the certificate (a foreign one, and a time-stamp authority, by signing something
    small) and the folder of the ledger.

    Args:
        clip: the footage whose clock and sound the output has, or its description.
        output: as for :func:`effigie.convert`.
        encode, trust: of the command's settings.
        span: the part of the clip, (from, up to) seconds.
        max_frames: how many frames will be written at most.
        layers: the folder for layers, if these are wanted.
        footage: what a sequence of pictures does not say itself.

    Raises:
        UsageError: a contradiction, a package that layers need is missing, or a certificate that cannot sign.
        MediaError: the clip cannot be read.
        EffigieError: no permission, too full a disk, or no answer of the time-stamp authority.
    """
    trust = trust or TrustSettings()
    info = clip if isinstance(clip, ClipInfo) else probe(clip, footage)
    plan = plan_output(output, info, encode, span, max_frames)
    identity = select_identity(trust.certificate, trust.key)
    own = trust.certificate is not None or trust.timestamp_authority is not None
    if own:
        check_signing(identity, trust.timestamp_authority)
    _check_ledger()
    if layers is not None:
        plan = replace(plan, layers=plan_layers(layers, plan.output, info, plan.frames))
    plan = replace(plan, signature=_describe_signature(plan, identity, trust), bytes_needed=_add_signing(plan))
    check_room(plan)
    return plan


def _add_signing(plan: OutputPlan) -> int:
    copies = 0 if plan.kind != "video" or supports_signing_in_place() else COPIES_TO_SIGN
    layers = plan.layers
    layer_bytes = layers.bytes_needed if layers is not None and is_same_disk(layers.folder, plan.output) else 0
    return (1 + copies) * plan.bytes_needed + SIGNING_BYTES + layer_bytes


def _describe_signature(plan: OutputPlan, identity: SigningIdentity, trust: TrustSettings) -> str:
    signer = "the certificate of this machine" if trust.certificate is None else str(trust.certificate)
    location = "in every picture" if plan.kind == "folder" else "in the file"
    if plan.kind == "folder" and not supports_embedding(Path(f"x.{plan.codec}")):
        location = f"in {FRAMES_MANIFEST}, which lists every picture"
    if plan.kind != "folder" and not supports_embedding(plan.output):
        location = f"beside the file, in {sidecar_path(plan.output).name}"
    stamped = "" if trust.timestamp_authority is None else f", time-stamped by {trust.timestamp_authority}"
    return f"{location}, by {signer} ({identity.alg}){stamped}; notice {plan.output.name}.notice.txt"


def _check_ledger() -> None:
    """Raise unless the ledger's folder can be written."""
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        cause = convert_os_error(error, folder / "ledger.sqlite")
        raise EffigieError(f"{cause} (EFFIGIE_HOME says which)") from error
