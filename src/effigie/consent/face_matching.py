"""Face matching: cosine similarity of faces to a record's references."""

from __future__ import annotations

import numpy as np

from effigie.consent.terms import Terms

# Measured by `python -m benchmarks --only consent` on 82 Londoners, 388 congressmen and the people of the clips. Of
# 140,448 comparisons of different people 0.32 % pass SFace's published 0.363, and 8 (0.006 %) pass 0.45. The right
# person's other pictures pass both: of 582 none was below 0.51, the least with glasses drawn on and light from one
# side.
MATCH_THRESHOLD = 0.45
MIN_MATCHING_SHARE = 0.95
"""Of the faces shown, how many must agree."""


def reference_similarity(consent: Terms, embeddings: np.ndarray) -> np.ndarray:
    """(N,) float32 cosine of each face with the nearest reference of a record, -1..1.

    Args:
        embeddings: (N, 128) unit; zeros, where a face has none, agree with nothing.
    """
    vectors = np.asarray(embeddings, np.float32).reshape(-1, consent.embeddings.shape[1])
    # Longer than one they would agree with anybody; shorter ones, of blurred means, stay as they are.
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)
    return (vectors / lengths @ consent.embeddings.T).max(axis=1)


def describe_mismatches(clips: np.ndarray, cosines: np.ndarray, max_clips: int) -> str:
    """Describe the clips with faces that do not match, the worst first.

    Args:
        clips: (N,) names of the faces' clips.
        cosines: (N,) of each face with the record.
        max_clips: clips to name.
    """
    names = clips.astype(str)
    found = []
    for clip in np.unique(names):
        mine = cosines[names == clip]
        wrong = int((mine < MATCH_THRESHOLD).sum())
        if wrong:
            found.append(
                (-wrong, f"{clip} ({wrong} of {len(mine)} faces differ, median cosine {np.median(mine):.2f})")
            )
    found.sort()
    rest = f" and {len(found) - max_clips} more clips" if len(found) > max_clips else ""
    return ", ".join(text for _, text in found[:max_clips]) + rest
