"""What every output needs beside its pictures and sound: an id, credentials, the ledger's entry and a notice."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from effigie.consent.gate import Permit
from effigie.consent.store import keep_used
from effigie.io.atomic_write import atomic_write, discard, readable_name, sha256
from effigie.provenance.c2pa.certificate import select_identity
from effigie.provenance.c2pa.containers import sidecar_path, supports_embedding
from effigie.provenance.c2pa.credentials import Claim, sign_file, sign_in_place, sign_sidecar
from effigie.provenance.config import TrustSettings
from effigie.provenance.frame_marker import require_label
from effigie.provenance.label import sidecar_text
from effigie.provenance.layer_manifest import sign_frames, sign_layers
from effigie.provenance.ledger.fingerprint import Sample
from effigie.provenance.ledger.ledger import Ledger, LedgerEntry

LOG = logging.getLogger(__name__)


class OutputRecord:
    """Signs one output, enters it in the ledger and writes its notice; needs a permit of the gate.

    Args:
        path: the output's final name.
        command: the verb.
        model_hash: SHA-256 of the model's manifest; of several separated by commas.
        ingredients: what it was made from, what was edited first.
        watermarked, sound_watermarked: which invisible marks it carries.
        voice_permit: for the voice, where one was made beside a face; a permit of the use ``voice`` alone is for that.

    Attributes:
        output_id: 48 bits as 12 hex digits, in mark, credentials and ledger.
        settings: as given, the label on where the weakest consent asks for it.
        notes: what a user should know of the signing, a sentence each.
    """

    def __init__(
        self,
        path: Path,
        permit: Permit,
        command: str,
        model_hash: str | None = None,
        settings: TrustSettings | None = None,
        *,
        ingredients: tuple[Path, ...] = (),
        watermarked: bool = False,
        sound_watermarked: bool = False,
        voice_permit: Permit | None = None,
    ) -> None:
        if not isinstance(permit, Permit) or not isinstance(voice_permit, Permit | None):
            raise TypeError("an output needs the gate's permit")
        if voice_permit is not None and voice_permit.use != "voice":
            raise TypeError(f"a made voice needs a permit for it, not one for {voice_permit.use}")
        has_face = permit.use != "voice"
        self.path = path
        self.settings = settings or TrustSettings()
        self.notes: list[str] = []
        self.output_id = secrets.token_hex(6)
        permits = [permit] if voice_permit is None else [permit, voice_permit]
        self._consents = tuple({consent.id: consent for one in permits for consent in one.consents}.values())
        self._ids = tuple(consent.id for consent in self._consents)
        self._require_label()
        self._claim = Claim(
            output_id=self.output_id,
            command=command,
            title=readable_name(path.name),
            model_hash=model_hash,
            consents=self._ids,
            strengths=tuple(consent.strength for consent in self._consents),
            ingredients=ingredients,
            watermarked=watermarked,
            sound_watermarked=sound_watermarked,
            has_face=has_face,
            has_voice=not has_face or voice_permit is not None,
        )
        # A certificate that cannot sign is refused before an hour of work, not after it.
        self._identity = select_identity(self.settings.certificate, self.settings.key)

    def complete(
        self,
        whole: Path,
        fingerprints: tuple[Sample, ...] = (),
        sound_fingerprints: tuple[Sample, ...] = (),
        layers: tuple[Path, Path] | None = None,
        free_bits: int | None = None,
    ) -> None:
        """Sign the finished output, still under its temporary name, and enter it in the ledger.

        Args:
            whole: a file, or a folder of pictures.
            layers: the folder of its layers under its temporary name, and the final one.
            free_bits: which of its id's codewords the pictures carry.
        """
        digest = None
        if whole.is_dir():
            pictures = sorted(whole.iterdir())
            if all(map(supports_embedding, pictures)):
                for picture in pictures:
                    self._sign(picture)
            else:
                sign_frames(whole, self._claim, self._identity, self.settings.timestamp_authority)
        else:
            if supports_embedding(whole):
                self._sign(whole)
            else:
                sidecar, authority = sidecar_path(self.path), self.settings.timestamp_authority
                sign_sidecar(whole, self._claim, self._identity, authority, sidecar)
                self.notes.append(f"{self.path.suffix} holds no content credentials: they lie in {sidecar.name}")
            digest = sha256(whole)
        if layers is not None:
            temporary, folder = layers
            claim = replace(self._claim, title=readable_name(folder.name))
            sign_layers(temporary, claim, self._identity, self.settings.timestamp_authority)
        keep_used(self._consents)
        Ledger().add(
            LedgerEntry(
                output_id=self.output_id,
                time=datetime.now(UTC),
                command=self._claim.command,
                name=readable_name(self.path.name),
                model_hash=self._claim.model_hash,
                consents=self._ids,
                file_sha256=digest,
                fingerprints=fingerprints,
                sound_fingerprints=sound_fingerprints,
                free_bits=free_bits,
            )
        )
        LOG.info("signed %s as output %s and entered it in the ledger", self.path, self.output_id)
        with atomic_write(self.path.with_name(f"{self.path.name}.notice.txt")) as notice:
            notice.write_text(sidecar_text(self._claim), encoding="utf-8")

    def _require_label(self) -> None:
        """Switch the label on where the consent is a bare attestation."""
        self.settings, bare = require_label(self._consents, self.settings)
        if bare:
            self.notes.append(
                f"the notice cannot be switched off: the consent of {bare[0].subject} ({bare[0].id}) rests on a bare "
                "attestation; add --evidence FILE to it, or let them grant it (`effigie consent request`)"
            )

    def _sign(self, path: Path) -> None:
        authority = self.settings.timestamp_authority
        if sign_in_place(path, self._claim, self._identity, authority):
            return
        draft = path.with_name(f"signed-{path.name}")
        try:
            sign_file(path, draft, self._claim, self._identity, authority)
            draft.replace(path)
        finally:
            discard(draft)
