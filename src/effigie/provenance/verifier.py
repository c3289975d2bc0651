"""Verification of a file: credentials, watermark, ledger and consent, combined into one verdict.

Works on any file, needs no set-up and contacts nobody. Every reading stands alone: one that fails is said and the
others go on.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from effigie.consent.document import is_id
from effigie.consent.store import ConsentStore, used_store
from effigie.errors import CancelledError, EffigieError, MediaError
from effigie.io.atomic_write import sha256
from effigie.media import probe
from effigie.media.layers.plan import MANIFEST
from effigie.media.pictures.frame_files import FRAMES_MANIFEST
from effigie.media.pictures.reader import is_picture
from effigie.media.sampling import FrameSampling, sample_frames
from effigie.progress import CancelToken
from effigie.provenance.c2pa.reader import CredentialState, read_credentials
from effigie.provenance.layer_manifest import find_manifest, read_layer_credentials
from effigie.provenance.ledger.fingerprint import Sample, compute_fingerprint, match_clips
from effigie.provenance.ledger.ledger import Ledger
from effigie.provenance.ledger.sound_fingerprint import match_sounds
from effigie.provenance.report import (
    ConsentStatus,
    ConsentSummary,
    LedgerMatch,
    MatchKind,
    Verdict,
    Verification,
    WatermarkReading,
)
from effigie.provenance.sound_reading import read_sound_traces

MARK_SEARCH_S = 60.0
"""Where the mark is looked for first; in a longer clip that has none there, all over it."""
DAY_S = 86400.0
FINGERPRINT_SAMPLING = FrameSampling(positions=3, frames_per_position=8, step_s=0.25)
"""Denser than the ledger's second, so that a clip is found wherever it was cut; few places, so that it is quick."""
CLIP_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".gif", ".apng")
VALID_STATES = ("valid", "trusted")
STATES_WORST_FIRST = ("revoked", "expired", "unknown", "valid")
T = TypeVar("T")

__all__ = ["Verification", "verify"]


def verify(
    path: str | Path,
    *,
    ledger: Ledger | None = None,
    store: ConsentStore | None = None,
    cancel: CancelToken | None = None,
) -> Verification:
    """Say where a file comes from, as far as can be told.

    Args:
        path: any file: video, still, GIF, sound, text, whole or not; or a folder of layers or frames, whose
            manifest is taken.
        ledger: the user's own by default.
        store: consent records; by default those beside the file, the user's own, and those of outputs made here.

    Raises:
        EffigieError: the file is missing, no ordinary file, or may not be read.
    """
    path, ledger = Path(path), ledger or Ledger()
    if path.is_dir():
        path = find_manifest(path) or path
    manifest = find_manifest(path)
    is_of_layers = manifest is not None and manifest.name == MANIFEST
    view_path = path.parent if path.name == FRAMES_MANIFEST else path  # frames have the mark, layers are composed first
    cancel = cancel or CancelToken()
    size = _check_size(path)
    notes: list[str] = [] if size else ["the file is empty"]
    mark = sound = match = pictures = None
    with ThreadPoolExecutor(2) as pool:
        # While credentials and mark are read: whoever has a ledger needs them.
        has_ledger = ledger.path.exists()
        looks = pool.submit(_compute_fingerprints, view_path, cancel) if size and has_ledger else None
        hearing = pool.submit(read_sound_traces, path, has_ledger, cancel) if size else None
        of_layers = read_layer_credentials(path)
        credentials = of_layers or read_credentials(path)
        if size:
            if of_layers is not None and is_of_layers:
                notes.append("of layers, the invisible mark is read in what they are composed to")
            else:
                pictures = _try_reading("the invisible mark", notes, lambda: _has_pictures(view_path, cancel))
            if pictures:
                mark = _try_reading("the invisible mark", notes, lambda: _read_mark(view_path, ledger, cancel))
            sound = None if hearing is None else _try_reading("the sound", notes, hearing.result)
            if pictures is False and sound is None and not notes:
                notes.append("it holds neither pictures nor sound, so there is no invisible mark to look for")
            if looks is not None:
                picture_looks = looks if pictures else None
                marks = [one for one in (mark, sound and sound.mark) if one]
                sound_fingerprints = sound.fingerprints if sound else ()
                match = _try_reading(
                    "the ledger",
                    notes,
                    lambda: _search_ledger(path, ledger, marks, credentials, picture_looks, sound_fingerprints),
                )
    consents = match.entry.consents if match and match.is_certain else ()
    strengths: dict[str, str] = {}
    if credentials.state in VALID_STATES:
        consents = consents or credentials.consents
        strengths = dict(zip(credentials.consents, credentials.consent_strengths, strict=False))
    store = store or used_store(path.absolute().parent)
    consent = _try_reading("consent", notes, lambda: _summarize_consent(consents, strengths, store))
    sound_mark = None if sound is None else sound.mark
    verdict = _judge(credentials, mark or sound_mark, match)
    return Verification(
        path, verdict, credentials, mark, match, consent, tuple(notes), sound_mark, bool(pictures), sound is not None
    )


def _judge(credentials: CredentialState, mark: WatermarkReading | None, match: LedgerMatch | None) -> Verdict:
    if credentials.state == "broken":
        return "broken"
    # The clip that a swap was made from looks much like the swap: looking alike is a hint and no verdict.
    is_recorded = match is not None and match.is_certain
    if is_recorded or mark is not None or _credentials_output_id(credentials) is not None:
        return "made-by-effigie"
    return "nothing-found" if credentials.state == "absent" else "marked-by-others"


def _credentials_output_id(credentials: CredentialState) -> str | None:
    """The output of effigie that credentials name, this file or what it was made from, if they hold."""
    if credentials.state not in VALID_STATES:
        return None
    if credentials.is_effigie_output:
        return credentials.output_id or ""
    parts = credentials.ingredients
    return next((part.output_id for part in parts if part.state in VALID_STATES and part.output_id), None)


def _check_size(path: Path) -> int:
    """Bytes of an ordinary file that can be read."""
    try:
        status = path.stat()
        # A pipe would block, and a device would never end.
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if path.is_dir() else "no ordinary file"
            raise EffigieError(f"{path} is {kind}: name a file")
        with path.open("rb"):
            return status.st_size
    except FileNotFoundError:
        raise EffigieError(f"{path} does not exist: check the name") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EffigieError(f"{path} cannot be read ({reason}): check its permissions, or copy it elsewhere") from error


def _try_reading(subject: str, notes: list[str], reading: Callable[[], T]) -> T | None:
    """A reading, or None and a note: whatever a hostile file does to one reader must not silence the others."""
    try:
        return reading()
    except CancelledError:
        raise
    except EffigieError as error:
        notes.append(f"{subject} could not be read: {error}")
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        notes.append(f"{subject} could not be read ({type(error).__name__}: {reason})")
    return None


def _has_pictures(path: Path, cancel: CancelToken) -> bool:
    try:
        next(iter(sample_frames(path, FrameSampling(positions=1), cancel)))
    except MediaError:
        if is_picture(path) or path.suffix.lower() in CLIP_SUFFIXES:
            raise  # it calls itself one: say what is wrong with it
        return False
    return True


def _read_known_marks(ledger: Ledger) -> Iterator[tuple[int, int]]:
    """Id and free bits of the ledger's latest marks; the ledger is read only if no id can be read in the pictures."""
    from effigie.provenance.watermark import MAX_KNOWN

    # What is wrong with the ledger is said where it is searched.
    with contextlib.suppress(EffigieError):
        yield from ((int(name, 16), free_bits) for name, free_bits in ledger.list_marks(MAX_KNOWN))


def _read_mark(path: Path, ledger: Ledger, cancel: CancelToken) -> WatermarkReading | None:
    from effigie.provenance.watermark import detect_file

    detection = detect_file(path, seconds=MARK_SEARCH_S, cancel=cancel, known_marks=_read_known_marks(ledger))
    if detection is None and float(probe(path).duration or 0) > MARK_SEARCH_S:
        detection = detect_file(path, seconds=DAY_S, cancel=cancel)
    return (
        None
        if detection is None
        else WatermarkReading(detection.hex, float(detection.confidence), detection.edits, detection.is_known)
    )


def _search_ledger(
    path: Path,
    ledger: Ledger,
    marks: list[WatermarkReading],
    credentials: CredentialState,
    looks: Future[tuple[Sample, ...]] | None,
    sound_fingerprints: tuple[Sample, ...],
) -> LedgerMatch | None:
    """The entry that matches.

    Args:
        marks: of pictures and sound, those that were read.
        looks: the fingerprints of the file's pictures, None without any.
        sound_fingerprints: the fingerprints of its sound.
    """
    by_hash = ledger.find_by_hash(sha256(path))
    ids = [*(mark.id for mark in marks), _credentials_output_id(credentials)]
    by_id = next((entry for name in ids if name and (entry := ledger.find_by_id(name)) is not None), None)
    entry = by_id or by_hash
    fingerprints = () if looks is None else looks.result()
    if entry is None:
        if fingerprints and (similar := ledger.find_similar(fingerprints)) is not None:
            return LedgerMatch(similar[0], ("pictures",))
        alike = ledger.find_similar_sound(sound_fingerprints) if sound_fingerprints else None
        return None if alike is None else LedgerMatch(alike[0], ("sound",))
    kinds: list[MatchKind] = ["id"] if by_id else []
    if by_hash and by_hash.output_id == entry.output_id:
        kinds.append("file")
    if match_clips(fingerprints, entry.fingerprints) is not None:
        kinds.append("pictures")
    if sound_fingerprints and match_sounds(sound_fingerprints, entry.sound_fingerprints) is not None:
        kinds.append("sound")
    return LedgerMatch(entry, tuple(kinds))


def _compute_fingerprints(path: Path, cancel: CancelToken) -> tuple[Sample, ...]:
    return tuple(
        (float(frame.time), compute_fingerprint(frame.image))
        for frame in sample_frames(path, FINGERPRINT_SAMPLING, cancel)
    )


def _summarize_consent(ids: tuple[str, ...], strengths: dict[str, str], store: ConsentStore) -> ConsentSummary | None:
    records = tuple(_consent_status(name, strengths.get(name), store) for name in dict.fromkeys(ids))
    if not records:
        return None
    states = {record.state if record.state in STATES_WORST_FIRST else "unknown" for record in records}
    return ConsentSummary(min(states, key=STATES_WORST_FIRST.index), records)


def _consent_status(name: str, strength: str | None, store: ConsentStore) -> ConsentStatus:
    # A file may name anything as its consent: only what is formed like an id is looked for.
    if not is_id(name):
        return ConsentStatus(name, "unknown")
    try:
        record, path = store.locate(name)
    except EffigieError:
        return ConsentStatus(name, "unknown", strength=strength)
    try:
        state = store.consent_state(record, path)
    except EffigieError:  # its revocation is there, and damaged
        state = "revoked"
    end_day = record.until.isoformat() if record.until else None
    return ConsentStatus(name, state, record.subject, end_day, record.strength)
