"""Things before a face: microphones, cups, phones, paper, sticks, and shapes that are nothing in particular."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from effigie.occlusion.synthetic.canvas import (
    Layer,
    Picture,
    Stage,
    bent,
    capsule,
    color,
    fabric,
    grid,
    line,
    lit,
    noise,
    polygon,
    streaks,
)


def microphone(random: np.random.Generator, stage: Stage) -> Layer:
    """A held microphone with its grille, foam on a boom, or the thin arm of a headset."""
    size, layer, unit = stage.size, Layer.empty(stage.size), stage.unit
    mouth = stage.near(random, stage.landmarks[13], 0.5)
    tone = np.full(3, random.uniform(0.02, 0.2), np.float32) if random.random() < 0.7 else color(random)
    body = lit(np.broadcast_to(tone, (size, size, 3)).astype(np.float32), stage)
    if random.random() < 0.3:  # headset
        ear = stage.landmarks[234 if random.random() < 0.5 else 454]
        middle = (mouth + ear) / 2 + random.normal(0.2, 0.2, 2) * unit
        layer.over(body, line(size, np.stack([ear, middle, mouth]), unit * random.uniform(0.03, 0.09)))
        radius = unit * random.uniform(0.06, 0.18)
        capsule(layer, mouth, mouth + 0.6 * radius, (radius, radius), body, stage.light)
        return layer
    radius = unit * random.uniform(0.2, 0.5)
    angle = random.uniform(0.1, 0.9) * np.pi
    away = np.array([np.cos(angle), np.sin(angle)], np.float32)
    handle = radius * random.uniform(0.45, 0.8)
    grip = lit(np.broadcast_to(color(random) * 0.6, (size, size, 3)).astype(np.float32), stage)
    capsule(
        layer, mouth + away * radius, mouth + away * 6 * unit, (handle, handle * 0.8), grip, stage.light, 0.85
    )
    x, y = grid(size)
    mesh = (
        1 + 0.5 * np.sin(x * 2.1 + y) * np.sin(y * 2.1 - x)
        if random.random() < 0.6
        else 1 + 0.3 * noise(random, size, 50)
    )
    head = np.clip(
        lit(np.broadcast_to(color(random), (size, size, 3)).astype(np.float32), stage) * mesh[..., None],
        0,
        1,
    )
    end = mouth + away * radius * random.uniform(0, 0.8)
    capsule(layer, mouth, end, (radius, radius * 0.95), head.astype(np.float32), stage.light, 0.8)
    return layer


def cup(random: np.random.Generator, stage: Stage) -> Layer:
    """A cup, glass, can or bottle, tipped, perhaps held from below."""
    size, layer, unit = stage.size, Layer.empty(stage.size), stage.unit
    at = stage.near(random, stage.landmarks[13], 0.6)
    width, height = unit * random.uniform(0.35, 0.9), unit * random.uniform(0.8, 2.6)
    angle = random.normal(0, 0.4)
    right = np.array([np.cos(angle), np.sin(angle)])
    below = np.array([-right[1], right[0]])
    taper = random.uniform(0.6, 1.05)
    surface = (
        fabric(random, size) if random.random() < 0.5 else np.broadcast_to(color(random), (size, size, 3))
    )
    x, y = grid(size)
    sideways = ((x - at[0]) * right[0] + (y - at[1]) * right[1]) / width
    facing = np.sqrt(np.clip(1 - sideways**2, 0, 1)) * 0.7 + 0.3 + 0.3 * stage.light[0] * sideways
    shine = np.exp(-(((sideways - random.uniform(-0.7, 0.7)) / 0.08) ** 2)) * random.uniform(0, 0.6)
    shaded = np.clip(lit(np.asarray(surface, np.float32), stage) * facing[..., None] + shine[..., None], 0, 1)
    corners = np.stack([at - right * width, at + right * width, at + right * width * taper + below * height,
                        at - right * width * taper + below * height])  # fmt: skip
    alpha = polygon(size, corners)
    swing = np.linspace(0, 2 * np.pi, 24)
    rim = at + width * np.cos(swing)[:, None] * right + 0.25 * width * np.sin(swing)[:, None] * below
    alpha = np.maximum(alpha, polygon(size, rim))
    if random.random() < 0.2:
        alpha *= random.uniform(0.5, 0.9)  # a drinking glass
    layer.over(shaded.astype(np.float32), alpha)
    layer.over((shaded * random.uniform(0.3, 1.1)).clip(0, 1).astype(np.float32), polygon(size, rim) * 0.9)
    return layer


def board(random: np.random.Generator, stage: Stage) -> Layer:
    """Something flat with corners: a phone, paper with writing, a book, a picture of something else."""
    size, layer, unit = stage.size, Layer.empty(stage.size), stage.unit
    at = stage.near(random, stage.somewhere(random), 0.5)
    half = unit * np.array([random.uniform(0.3, 1.3), random.uniform(0.4, 1.8)])
    angle = random.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half * random.uniform(0.85, 1.15, (4, 2))
    corners = at + corners @ turn.T
    kind = random.random()
    if kind < 0.4:
        surface = stage.texture(random)
    elif kind < 0.6:
        surface = np.broadcast_to(color(random), (size, size, 3)).astype(np.float32)
    else:
        surface = fabric(random, size)
    if kind > 0.75:
        x, y = grid(size)
        lines = np.sin((y * np.cos(angle) - x * np.sin(angle)) * random.uniform(0.6, 1.4)) > 0.3
        words = noise(random, size, 60) > -0.3
        surface = np.where((lines & words)[..., None], random.uniform(0, 0.3), np.clip(surface + 0.4, 0, 1))
    layer.over(lit(np.asarray(surface, np.float32), stage), polygon(size, corners))
    if random.random() < 0.4:
        edge = line(size, corners, unit * random.uniform(0.03, 0.12), closed=True)
        layer.over(np.broadcast_to(color(random) * 0.7, (size, size, 3)).astype(np.float32), edge)
    return layer


def stick(random: np.random.Generator, stage: Stage) -> Layer:
    """A pen, straw, cigarette, cable, spoon's handle, brush: long and thin."""
    size, layer, unit = stage.size, Layer.empty(stage.size), stage.unit
    at = stage.somewhere(random)
    thick = unit * random.uniform(0.03, 0.14)
    path = bent(
        at,
        random.uniform(-np.pi, np.pi),
        unit * random.uniform(0.8, 5),
        random.normal(0, 0.4) * (random.random() < 0.5),
    )
    tone = lit(np.broadcast_to(color(random, 0.9), (size, size, 3)).astype(np.float32), stage)
    for a, b in pairwise(path):
        capsule(layer, a, b, (thick / 2, thick / 2), tone, stage.light, 0.8)
    return layer


def blob(random: np.random.Generator, stage: Stage) -> Layer:
    """A shape without a name, of any stuff: what the named ones do not teach."""
    size = stage.size
    layer, at = Layer.empty(size), stage.somewhere(random)
    x, y = grid(size)
    stretch = random.uniform(0.5, 2)
    far = np.hypot((x - at[0]) * stretch, (y - at[1]) / stretch) / (stage.unit * random.uniform(0.3, 1.6))
    field = 1 - far + random.uniform(0.05, 0.5) * noise(random, size, random.uniform(3, 14))
    alpha = np.clip(field * random.uniform(5, 60) + 0.5, 0, 1)
    kind = random.random()
    if kind < 0.5:
        surface = stage.texture(random)
    elif kind < 0.6:  # of the face's own colour, told by its texture and edge alone
        surface = stage.skin * np.exp(random.normal(0, 0.15)) * (1 + 0.2 * noise(random, size, 20)[..., None])
    else:
        surface = fabric(random, size)
    height = cv2.GaussianBlur(alpha, (0, 0), stage.unit * 0.12)
    slope = (
        cv2.Sobel(height, cv2.CV_32F, 1, 0) * stage.light[0]
        + cv2.Sobel(height, cv2.CV_32F, 0, 1) * stage.light[1]
    )
    relief = np.clip(1 - random.uniform(0, 4) * slope, 0.4, 1.5)
    layer.over(
        np.clip(lit(np.asarray(surface, np.float32), stage) * relief[..., None], 0, 1),
        alpha.astype(np.float32),
    )
    return layer


def branch(random: np.random.Generator, stage: Stage) -> Layer:
    """A twig with leaves."""
    size, layer, unit = stage.size, Layer.empty(stage.size), stage.unit
    at = stage.somewhere(random)
    path = bent(at, random.uniform(-np.pi, np.pi), unit * random.uniform(2, 5), random.normal(0, 0.6), 14)
    green = np.array(
        [random.uniform(0.1, 0.5), random.uniform(0.3, 0.65), random.uniform(0.05, 0.25)], np.float32
    )
    wood = lit(np.broadcast_to(green * [1.1, 0.5, 0.8], (size, size, 3)).astype(np.float32), stage)
    layer.over(wood, line(size, path, unit * 0.05))
    for number, root in enumerate(path):
        angle, long = random.uniform(-np.pi, np.pi), unit * random.uniform(0.3, 0.8)
        swing = np.linspace(0, np.pi, 10)
        half = np.stack([swing / np.pi * long, np.sin(swing) * long * random.uniform(0.15, 0.35)], 1)
        leaf = np.concatenate([half, half[::-1] * [1, -1]])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        veins = streaks(random, size, -np.degrees(angle) + 40, 40)[..., None] if number % 4 == 0 else 0.0
        tone = green * np.exp(random.normal(0, 0.2)) * (1 + 0.1 * veins)
        surface = np.broadcast_to(tone, (size, size, 3)).astype(np.float32)
        layer.over(lit(np.clip(surface, 0, 1), stage), polygon(size, root + leaf @ turn.T))
    return layer


def fruit(random: np.random.Generator, stage: Stage) -> Layer:
    """Something round with a gloss: an apple, a ball, a balloon."""
    size, layer = stage.size, Layer.empty(stage.size)
    at, radius = stage.somewhere(random), stage.unit * random.uniform(0.3, 0.9)
    tone = np.clip(color(random, 1.0) * (1 + 0.15 * noise(random, size, 6)[..., None]), 0, 1)
    surface = lit(tone.astype(np.float32), stage)
    capsule(layer, at, at + np.float32(0.05) * radius, (radius, radius), surface, stage.light, 0.9)
    spot = (at + stage.light[:2] * radius * 0.5).astype(np.float32)
    white = np.full((size, size, 3), 0.95, np.float32)
    glint = Layer.empty(size)
    capsule(glint, spot, spot + 1, (radius * 0.12,) * 2, white, stage.light, 0.0)
    layer.over(glint.color, glint.alpha * 0.7 * layer.alpha)
    return layer


def picture_light(random: np.random.Generator) -> Picture:
    """(3,) a direction that light may come from: mostly from above and before."""
    direction = np.array([random.normal(0, 0.6), random.normal(-0.4, 0.4), random.uniform(0.5, 1.0)])
    return (direction / np.linalg.norm(direction)).astype(np.float32)
