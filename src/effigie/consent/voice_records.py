"""Records of a voice for the gate: which of them a voice matches, and whether their person read a fresh sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from effigie.consent.challenge import VoiceAnswer
from effigie.consent.document import Consent
from effigie.consent.store import ConsentStore
from effigie.consent.voice_matching import MIN_MATCHING_SHARE as MIN_MATCHING_VOICE
from effigie.consent.voice_matching import SubjectVoice, match_recordings
from effigie.errors import RefusedError

MAX_NAMED_CLIPS = 4  # recordings that a refusal names


def match_voices(voice: SubjectVoice, records: Sequence[Consent]) -> tuple[Consent, ...]:
    """Records that match a voice; refuses if too much of it matches none."""
    mute = [record for record in records if not record.voices]
    if len(mute) == len(records):
        raise RefusedError(
            f"the consent of {mute[0].subject} ({mute[0].id}) holds no voice to compare with: make it again with "
            "--voice RECORDING"
        )
    matches = np.stack([match_recordings(record, voice) for record in records])
    agrees = matches.any(axis=0)
    if agrees.mean() < MIN_MATCHING_VOICE:
        names = ", ".join(f"{record.subject} ({record.id})" for record in records)
        worst = sorted(set(voice.recordings[~agrees].astype(str)))
        rest = f" and {len(worst) - MAX_NAMED_CLIPS} more" if len(worst) > MAX_NAMED_CLIPS else ""
        raise RefusedError(
            f"{100 * agrees.mean():.0f} % of the speech agrees with the consent of {names}, and "
            f"{100 * MIN_MATCHING_VOICE:.0f} % must: others, music or noise are heard in "
            f"{', '.join(worst[:MAX_NAMED_CLIPS])}{rest}; drop these, get the consent of who speaks there, or if it is "
            "the same person before another microphone, make the record again with a --voice of that, too"
        )
    return tuple(records[index] for index in np.unique(matches.argmax(axis=0)[agrees]))


def check_answer(answer: VoiceAnswer | None, records: Sequence[Consent]) -> None:
    """Refuse where no answer belongs to one of the records, or it was not read right."""
    ids = ", ".join(record.id for record in records)
    if answer is None:
        raise RefusedError(
            f"a voice is learned when its person reads a fresh sentence: `effigie consent challenge {ids}` draws one"
        )
    if not any(answer.is_about(record) for record in records):
        raise RefusedError(f"the sentence was read for {answer.consent}, not for {ids}: draw one for this record")
    if not answer.agrees:
        raise RefusedError(f"the sentence was not read by the person of {answer.consent}, or wrongly: draw another")


def find_voice_records(voice: SubjectVoice, store: ConsentStore, today: date) -> list[Consent]:
    """The record in the store whose voice agrees best, if one does."""
    rated = []
    for stored in store.list(today):
        share = float(match_recordings(stored.consent, voice).mean())
        if share >= MIN_MATCHING_VOICE and "voice" in stored.consent.uses:
            rated.append((share, stored.consent.until or date.max, stored.consent))
    return [max(rated, key=lambda one: one[:2])[2]] if rated else []
