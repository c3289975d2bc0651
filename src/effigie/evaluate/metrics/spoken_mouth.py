"""How well a mouth made from sound moves as the speaker's own did, on (n,) series of one clip."""

from __future__ import annotations

import numpy as np

from effigie.faces.mesh import middle_lip_gaps

SHUT_CM, OPEN_CM = 0.12, 0.25  # between the inner lips: shut as the landmark network sees it, and clearly open
LONGEST_CLOSURE_S = 0.32  # a longer one is a pause
AROUND_S = 0.2  # before and after a closure the lips are open
ONSET_SHARE, ONSET_WINDOW_S = 0.3, 0.4  # of the largest gap, from which on a mouth has opened; about the first sound
NAMES = ("lip gap", "jaw", "width")


def measure_mouth(unposed: np.ndarray) -> np.ndarray:
    """(n, 3) cm of (n, 478, 3) unposed landmarks: gap of the inner lips (0 or more), nose to chin, corner to corner."""
    gap = np.array([max(float(middle_lip_gaps(shape)[:, 1].mean()), 0.0) for shape in unposed])
    jaw = np.linalg.norm(unposed[:, 1] - unposed[:, 152], axis=1)
    return np.stack([gap, jaw, np.linalg.norm(unposed[:, 61] - unposed[:, 291], axis=1)], axis=1)


def correlate(output: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(3,) correlation of (n, 3) series at lag zero, -1 to 1; NaN where one does not move.

    Blind to size: half the motion correlates as well. In clips with long pauses the pauses alone correlate.
    """
    spread = output.std(0) * own.std(0)
    covariance = ((output - output.mean(0)) * (own - own.mean(0))).mean(0)
    return np.where(spread > 1e-9, covariance / np.maximum(spread, 1e-9), np.nan)


def measure_size(output: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(3,) standard deviation of the made series over that of the own; 1 is right."""
    return np.asarray(output.std(0) / np.maximum(own.std(0), 1e-9))


def find_closures(gaps: np.ndarray, is_speech: np.ndarray, step_s: float) -> list[tuple[int, int]]:
    """First and last picture of every moment in speech in which lips that were open shut and open again: p, b, m.

    Of others (an f, a w) some shut the lips too; a closure that falls between two pictures is not seen.

    Args:
        gaps: (n,) of the inner lips, cm.
        is_speech: (n,) bool, where speech is heard.
        step_s: between pictures.
    """
    reach, longest = max(1, round(AROUND_S / step_s)), LONGEST_CLOSURE_S / step_s
    shut = np.concatenate([[0], (gaps < SHUT_CM).astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(shut)).reshape(-1, 2)
    speech = np.flatnonzero(is_speech)
    closures = []
    for first, end in edges.tolist():
        lead, tail = gaps[max(0, first - reach) : first], gaps[end : end + reach]
        inside = speech.size and speech[0] <= first and end - 1 <= speech[-1]
        opens = lead.size and tail.size and min(lead.max(), tail.max()) > OPEN_CM
        if inside and opens and end - first <= longest:
            closures.append((first, end - 1))
    return closures


def share_shut(
    output: np.ndarray, closures: list[tuple[int, int]], step_s: float, tolerance_s: float = 0.04
) -> np.ndarray:
    """(k,) bool: whether the made lips are shut within a tolerance of each closure.

    A mouth that never opens reaches all: read it beside the size of its motion and :func:`share_wrongly_shut`.
    """
    reach = max(1, round(tolerance_s / step_s))
    return np.array([output[max(0, a - reach) : b + reach + 1].min() < SHUT_CM for a, b in closures], bool)


def share_wrongly_shut(output: np.ndarray, own: np.ndarray, is_speech: np.ndarray) -> float:
    """Share, 0 to 1, of the pictures in speech with lips clearly open in which the made ones are shut; NaN of none."""
    wide = is_speech & (own > OPEN_CM)
    return float((output[wide] < SHUT_CM).mean()) if wide.any() else float("nan")


def measure_onset(output: np.ndarray, own: np.ndarray, times: np.ndarray, begin_s: float) -> float:
    """Milliseconds by which the made mouth opens after the own one, where speech begins; NaN where one is open already.

    Opening is a share of each one's own largest gap within 0.4 s of the first sound. Mouths that open to breathe just
    before they speak confuse it.
    """
    moments = []
    window = np.flatnonzero(np.abs(times - begin_s) <= ONSET_WINDOW_S)
    for gaps in (output[window], own[window]):
        if not gaps.size or np.ptp(gaps) < OPEN_CM:
            return float("nan")
        limit = gaps.min() + ONSET_SHARE * (gaps.max() - gaps.min())
        crossing = int(np.flatnonzero(gaps >= limit)[0])
        if crossing == 0:
            return float("nan")
        share = (limit - gaps[crossing - 1]) / (gaps[crossing] - gaps[crossing - 1])
        moments.append(times[window[crossing] - 1] + share * (times[window[crossing]] - times[window[crossing] - 1]))
    return 1000 * float(moments[0] - moments[1])


def measure_shake(output: np.ndarray, own: np.ndarray) -> float:
    """Mean size of the made gap's second difference over that of the own one; above 1 the lips shake."""
    own_shake = np.abs(np.diff(own, 2)).mean()
    return float(np.abs(np.diff(output, 2)).mean() / max(float(own_shake), 1e-9))


def find_lag(output: np.ndarray, own: np.ndarray, step_s: float, most_s: float = 0.4) -> float:
    """Seconds by which the made series is late, where the two (n,) series correlate best; negative if early."""
    steps = range(-round(most_s / step_s), round(most_s / step_s) + 1)
    pairs = [(output[max(0, k) : len(output) + min(0, k)], own[max(0, -k) : len(own) + min(0, -k)]) for k in steps]
    correlations = [
        float(np.corrcoef(*pair)[0, 1]) if min(one.std() for one in pair) > 1e-9 else -1.0 for pair in pairs
    ]
    return step_s * steps[int(np.argmax(correlations))]
