"""The gate's permission for voices: when one is learned, and each time it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from effigie.consent.challenge import VoiceAnswer
from effigie.consent.gate import ConsentLike, Permit, permit_voice
from effigie.consent.store import REVOCATION_SUFFIX, ConsentStore, default_store
from effigie.consent.voice_matching import SubjectVoice
from effigie.errors import ModelError, RefusedError
from effigie.io.atomic_write import read_json
from effigie.io.folder_names import MANIFEST

_EMBEDDING = "speaker."


def permit_learning(
    voice: SubjectVoice, consent: ConsentLike, answer: VoiceAnswer | None, purpose: str | None
) -> Permit:
    """Allow a voice to be learned from recordings, or refuse; a fresh sentence must have been read."""
    return permit_voice(voice, consent, answer=answer, needs_answer=True, purpose=purpose)


def permit_voice_model(
    folder: Path, voice: SubjectVoice, *, consent: ConsentLike = None, purpose: str | None = None
) -> Permit:
    """Allow a learned voice to speak, by the records that lie in it, or refuse.

    Args:
        folder: a voice with ``consents/``.
        voice: what it was learned from.
        consent: records instead of its own, such as one that was renewed.
        purpose: as for the gate.

    Raises:
        RefusedError: the consent was revoked, has expired, is for other uses, or is missing.
    """
    own = folder / "consents"
    if consent is None:
        files = [path for path in sorted(own.glob("c-*.json")) if not path.name.endswith(REVOCATION_SUFFIX)]
        if not files:
            raise RefusedError(f"{folder} holds no consent record of whose voice it is: name one with --consent RECORD")
        if missing := sorted(_manifest_consents(folder) - {path.stem for path in files}):
            raise RefusedError(
                f"{folder} lacks the consent record {', '.join(missing)} that its manifest names: "
                "put it back into its consents folder, or name another with --consent RECORD"
            )
        consent = files
    within = ConsentStore([*default_store().folders, own])  # a revocation that was put into the voice counts too
    return permit_voice(voice, consent, purpose=purpose, store=within)


def store_subject(voice: SubjectVoice) -> dict[str, Tensor]:
    """Tensors of who the voice is, for its folder."""
    return {_EMBEDDING + network: torch.from_numpy(vectors).float() for network, vectors in voice.embeddings.items()}


def load_subject(arrays: Mapping[str, np.ndarray], folder: Path) -> SubjectVoice:
    """Who the voice is, out of its folder's tensors.

    Raises:
        ModelError: that is missing.
    """
    embeddings = {name.removeprefix(_EMBEDDING): one for name, one in arrays.items() if name.startswith(_EMBEDDING)}
    try:
        count = len(next(iter(embeddings.values())))
        return SubjectVoice(embeddings, np.array([folder.name] * count, object))
    except (StopIteration, ValueError) as error:
        raise ModelError(f"{folder} does not say whose voice it is: learn it again into a new folder") from error


def _manifest_consents(folder: Path) -> set[str]:
    try:
        return {str(one) for one in read_json(folder / MANIFEST)["consents"]}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"{folder / MANIFEST} does not say whose consents the voice rests on: learn it again, "
            "or name a record with --consent RECORD"
        ) from error
