"""Fills in what a person hides of the background, once a portrait: from what can be seen of it, like by like.

First smoothly, from coarse to fine; then, on grids of more and more cells, every piece in the hole is replaced by the
piece of what is known that is most like it, so that edges and patterns go on (Wexler, Shechtman and Irani, "Space-Time
Completion of Video", 2007). The finest detail is copied from where the pieces came from.
"""

from __future__ import annotations

import cv2
import numpy as np

STRAND_WIDTH = 9  # cells: what is thinner than half of that, single hairs, is not continued
PATCH_RADIUS = 3  # cells
FINEST, COARSEST = 112, 28  # cells of the longer side of the grids on which pieces are searched for
ROUNDS = 3  # on each
DIMENSIONS = 24  # of a piece, of the 147 that it has
MAX_SOURCES = 3000  # pieces that are offered on a grid
NEAR_PENALTY = 6.0  # levels squared by which a piece half the picture away counts as less like


def fill_plate(image: np.ndarray, small: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The background continued behind a person.

    Args:
        image: (H, W, 3) uint8.
        small: (h, w, 3) uint8, the same in coarse cells.
        known: (h, w) bool: where that is background.

    Returns:
        (H, W, 3) float32; where ``known``, it need not be the picture.
    """
    height, width = image.shape[:2]
    clean = cv2.medianBlur(small, STRAND_WIDTH)
    smooth = fill_smoothly(clean, known)
    offsets, fill = _complete(np.where(known[..., None], small, smooth).astype(np.float32), known)
    fill = cv2.resize(fill, (width, height), interpolation=cv2.INTER_LINEAR)
    if offsets is None:
        return fill
    # Detail finer than the cells, from where each piece was found.
    factor = np.array([width / offsets.shape[1], height / offsets.shape[0]], np.float32)
    moved = cv2.resize(offsets, (width, height), interpolation=cv2.INTER_NEAREST) * factor
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    low = cv2.resize(cv2.resize(image, small.shape[1::-1], interpolation=cv2.INTER_AREA), (width, height))
    detail = image.astype(np.float32) - low
    return np.asarray(fill + cv2.remap(detail, x + moved[..., 0], y + moved[..., 1], cv2.INTER_LINEAR))


def fill_smoothly(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: the known pixels, and between them their mean, from coarse to fine."""
    levels = []
    weight = known.astype(np.float32)
    color = picture.astype(np.float32) * weight[..., None]
    while min(weight.shape) > 1:
        levels.append((color, weight))
        size = (-(-weight.shape[1] // 2), -(-weight.shape[0] // 2))
        color, weight = (cv2.resize(level, size, interpolation=cv2.INTER_AREA) for level in (color, weight))
    result = color.reshape(*weight.shape, 3) / np.maximum(weight, 1e-6)[..., None]
    for color, weight in reversed(levels):
        result = cv2.resize(result, weight.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(*weight.shape, 3)
        sure = np.minimum(weight * 4, 1)[..., None]
        result += sure * (color / np.maximum(weight, 1e-6)[..., None] - result)
    return result


def _complete(picture: np.ndarray, known: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Offsets (h', w', 2) cells of the finest grid to where pieces came from, and (h, w, 3) the picture completed.

    Args:
        picture: (h, w, 3) float32, its hole filled smoothly.
        known: (h, w) bool.
    """
    height, width = known.shape
    guess, offsets = picture, None
    side = COARSEST
    while side <= FINEST:
        scale = min(1.0, side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        there = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
        level = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        level = np.where(there[..., None], level, cv2.resize(guess, size, interpolation=cv2.INTER_AREA))
        for _ in range(ROUNDS):
            step = _replace_pieces(level, there)
            if step is None:
                return offsets, np.where(known[..., None], picture, cv2.resize(guess, (width, height)))
            level, offsets = step
        guess, side = level, 2 * side
    return offsets, np.where(
        known[..., None], picture, cv2.resize(guess, (width, height), interpolation=cv2.INTER_LINEAR)
    )


def _replace_pieces(level: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(h, w, 3) with every piece that reaches into the hole replaced, and (h, w, 2) cells to where it came from."""
    kernel = np.ones((2 * PATCH_RADIUS + 1,) * 2, np.uint8)
    border = PATCH_RADIUS
    whole = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    hole = cv2.dilate((~known).astype(np.uint8), kernel) > 0
    sources, targets = np.argwhere(whole), np.argwhere(hole)
    if len(sources) < DIMENSIONS or not len(targets):
        return None
    sources = sources[:: -(-len(sources) // MAX_SOURCES)]
    padded = cv2.copyMakeBorder(level, *(border,) * 4, cv2.BORDER_REFLECT)
    patches = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(0, 1))
    offered = patches[tuple(sources.T)].reshape(len(sources), -1)
    wanted = patches[tuple(targets.T)].reshape(len(targets), -1)
    mean = offered.mean(0)
    _, axes = np.linalg.eigh((offered - mean).T @ (offered - mean))
    axes = axes[:, -DIMENSIONS:]
    offered, wanted = (offered - mean) @ axes, (wanted - mean) @ axes
    # The place counts a little: of pieces that are equally like, the nearer.
    reach = np.sqrt(NEAR_PENALTY * len(kernel.ravel())) / (max(level.shape) / 2)
    offered, wanted = np.column_stack([offered, reach * sources]), np.column_stack([wanted, reach * targets])
    square = (offered**2).sum(1)
    best = np.concatenate([np.argmin(square - 2 * part @ offered.T, axis=1) for part in np.array_split(wanted, 8)])
    offsets = np.zeros((*known.shape, 2), np.float32)
    offsets[tuple(targets.T)] = (sources[best] - targets)[:, ::-1]
    summed, weight = np.zeros_like(padded), np.zeros(padded.shape[:2], np.float32)
    for y, x in np.ndindex(kernel.shape):
        share = np.float32(np.exp(-0.5 * ((y - border) ** 2 + (x - border) ** 2) / 2.0))
        rows, columns = targets[:, 0] + y, targets[:, 1] + x
        summed[rows, columns] += share * padded[sources[best, 0] + y, sources[best, 1] + x]
        weight[rows, columns] += share
    inner = slice(border, -border), slice(border, -border)
    summed, weight = summed[inner], weight[inner]
    found = summed / np.maximum(weight, 1e-6)[..., None]
    # What is found may be lighter than what it joins: the difference at the edge fades into the hole.
    found += fill_smoothly(level - found, known & hole)
    return np.where(known[..., None], level, np.clip(found, 0, 255)).astype(np.float32), offsets
