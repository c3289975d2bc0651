"""Identity swaps: whether several people of one clip keep their own new faces.

Unit: share of a person's measured frames whose face is nearer, by the cosine of SFace embeddings, to the source who is
to be seen there than to the source of anybody else in the clip; 1 is right. One frame of another's face is seen by
everybody, so nothing less will do.

What fools it: it does not ask how near, so that a face like nobody passes half of the time; read it with the similarity
to the source. Roles that are played by one and the same source cannot be told apart and are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from effigie.evaluate.metrics.identity import centroid, cosines
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY


def own_face_share(embeddings: np.ndarray, sources: Sequence[np.ndarray], own: int) -> float:
    """Share of (N, D) unit embeddings that are nearer to ``sources[own]`` than to any other.

    Args:
        sources: (M, D) embeddings of each role's source.
        own: which role the embeddings were seen in.

    Returns:
        NaN without embeddings, or where no other source is another person.
    """
    mine = centroid(sources[own])
    others = [
        s for i, s in enumerate(sources) if i != own and float(mine @ centroid(s)) < SAME_PERSON_SIMILARITY
    ]
    if not len(embeddings) or not others:
        return float("nan")
    nearest = np.max([cosines(embeddings, other) for other in others], axis=0)
    return float((cosines(embeddings, sources[own]) > nearest).mean())
