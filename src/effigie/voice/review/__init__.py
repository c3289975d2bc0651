"""Reviews recordings of a voice: are they fit to learn from, and what do they lack?"""

from effigie.voice.review.recording import RecordingReview, VoiceReview, review

__all__ = ["RecordingReview", "VoiceReview", "review"]
