"""Objects before a face: microphones, cups, phones, paper, sticks, and shapes that are nothing in particular."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from effigie.occlusion.synthetic.canvas import (
    OccluderLayer,
    OccluderScene,
    Picture,
    apply_light,
    curve_points,
    draw_capsule,
    draw_line,
    draw_polygon,
    fabric_texture,
    pixel_grid,
    sample_color,
    smooth_noise,
    streak_noise,
)


def draw_microphone(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A held microphone with its grille, foam on a boom, or the thin arm of a headset."""
    size, layer, eye_distance = scene.size, OccluderLayer.empty(scene.size), scene.eye_distance
    mouth = scene.jitter_point(random, scene.landmarks[13], 0.5)
    tone = np.full(3, random.uniform(0.02, 0.2), np.float32) if random.random() < 0.7 else sample_color(random)
    body = apply_light(tone, scene)
    if random.random() < 0.3:  # headset
        ear = scene.landmarks[234 if random.random() < 0.5 else 454]
        middle = (mouth + ear) / 2 + random.normal(0.2, 0.2, 2) * eye_distance
        layer.paint(body, draw_line(size, np.stack([ear, middle, mouth]), eye_distance * random.uniform(0.03, 0.09)))
        radius = eye_distance * random.uniform(0.06, 0.18)
        draw_capsule(layer, mouth, mouth + 0.6 * radius, (radius, radius), body, scene.light)
        return layer
    radius = eye_distance * random.uniform(0.2, 0.5)
    angle = random.uniform(0.1, 0.9) * np.pi
    axis = np.array([np.cos(angle), np.sin(angle)], np.float32)
    handle = radius * random.uniform(0.45, 0.8)
    grip = apply_light(sample_color(random) * 0.6, scene)
    top, bottom = mouth + axis * radius, mouth + axis * 6 * eye_distance
    draw_capsule(layer, top, bottom, (handle, handle * 0.8), grip, scene.light, 0.85)
    x, y = pixel_grid(size)
    mesh = (
        1 + 0.5 * np.sin(x * 2.1 + y) * np.sin(y * 2.1 - x)
        if random.random() < 0.6
        else 1 + 0.3 * smooth_noise(random, size, 50)
    )
    head = np.clip(apply_light(sample_color(random), scene) * mesh[..., None], 0, 1)
    end = mouth + axis * radius * random.uniform(0, 0.8)
    draw_capsule(layer, mouth, end, (radius, radius * 0.95), head.astype(np.float32), scene.light, 0.8)
    return layer


def draw_cup(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A cup, glass, can or bottle, tipped, perhaps held from below."""
    size, layer, eye_distance = scene.size, OccluderLayer.empty(scene.size), scene.eye_distance
    position = scene.jitter_point(random, scene.landmarks[13], 0.6)
    width, height = eye_distance * random.uniform(0.35, 0.9), eye_distance * random.uniform(0.8, 2.6)
    angle = random.normal(0, 0.4)
    right = np.array([np.cos(angle), np.sin(angle)])
    down = np.array([-right[1], right[0]])
    taper = random.uniform(0.6, 1.05)
    surface = fabric_texture(random, size) if random.random() < 0.5 else sample_color(random)
    x, y = pixel_grid(size)
    sideways = ((x - position[0]) * right[0] + (y - position[1]) * right[1]) / width
    facing = np.sqrt(np.clip(1 - sideways**2, 0, 1)) * 0.7 + 0.3 + 0.3 * scene.light[0] * sideways
    shine = np.exp(-(((sideways - random.uniform(-0.7, 0.7)) / 0.08) ** 2)) * random.uniform(0, 0.6)
    shaded = np.clip(apply_light(surface, scene) * facing[..., None] + shine[..., None], 0, 1)
    corners = np.stack([position - right * width, position + right * width,
                        position + right * width * taper + down * height,
                        position - right * width * taper + down * height])  # fmt: skip
    alpha = draw_polygon(size, corners)
    swing = np.linspace(0, 2 * np.pi, 24)
    rim = position + width * np.cos(swing)[:, None] * right + 0.25 * width * np.sin(swing)[:, None] * down
    alpha = np.maximum(alpha, draw_polygon(size, rim))
    if random.random() < 0.2:
        alpha *= random.uniform(0.5, 0.9)  # a drinking glass
    layer.paint(shaded.astype(np.float32), alpha)
    inside = (shaded * random.uniform(0.3, 1.1)).clip(0, 1).astype(np.float32)
    layer.paint(inside, draw_polygon(size, rim) * 0.9)
    return layer


def draw_board(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """Something flat with corners: a phone, paper with writing, a book, a picture of something else."""
    size, layer, eye_distance = scene.size, OccluderLayer.empty(scene.size), scene.eye_distance
    position = scene.jitter_point(random, scene.sample_point(random), 0.5)
    half = eye_distance * np.array([random.uniform(0.3, 1.3), random.uniform(0.4, 1.8)])
    angle = random.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half * random.uniform(0.85, 1.15, (4, 2))
    corners = position + corners @ turn.T
    kind = random.random()
    if kind < 0.4:
        surface = scene.texture(random)
    elif kind < 0.6:
        surface = sample_color(random)
    else:
        surface = fabric_texture(random, size)
    if kind > 0.75:
        x, y = pixel_grid(size)
        lines = np.sin((y * np.cos(angle) - x * np.sin(angle)) * random.uniform(0.6, 1.4)) > 0.3
        words = smooth_noise(random, size, 60) > -0.3
        surface = np.where((lines & words)[..., None], random.uniform(0, 0.3), np.clip(surface + 0.4, 0, 1))
    layer.paint(apply_light(np.asarray(surface, np.float32), scene), draw_polygon(size, corners))
    if random.random() < 0.4:
        edge = draw_line(size, corners, eye_distance * random.uniform(0.03, 0.12), closed=True)
        layer.paint(sample_color(random) * 0.7, edge)
    return layer


def draw_stick(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A pen, straw, cigarette, cable, spoon's handle, brush: long and thin."""
    layer, eye_distance = OccluderLayer.empty(scene.size), scene.eye_distance
    position = scene.sample_point(random)
    thick = eye_distance * random.uniform(0.03, 0.14)
    direction, length = random.uniform(-np.pi, np.pi), eye_distance * random.uniform(0.8, 5)
    path = curve_points(position, direction, length, random.normal(0, 0.4) * (random.random() < 0.5))
    tone = apply_light(sample_color(random, 0.9), scene)
    for a, b in pairwise(path):
        draw_capsule(layer, a, b, (thick / 2, thick / 2), tone, scene.light, 0.8)
    return layer


def draw_blob(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A shape without a name, of any stuff: what the named ones do not teach."""
    size = scene.size
    layer, position = OccluderLayer.empty(size), scene.sample_point(random)
    x, y = pixel_grid(size)
    stretch = random.uniform(0.5, 2)
    radius = scene.eye_distance * random.uniform(0.3, 1.6)
    far = np.hypot((x - position[0]) * stretch, (y - position[1]) / stretch) / radius
    field = 1 - far + random.uniform(0.05, 0.5) * smooth_noise(random, size, random.uniform(3, 14))
    alpha = np.clip(field * random.uniform(5, 60) + 0.5, 0, 1)
    kind = random.random()
    if kind < 0.5:
        surface = scene.texture(random)
    elif kind < 0.6:  # of the face's own colour, told by its texture and edge alone
        tone = scene.skin * np.exp(random.normal(0, 0.15))
        surface = tone * (1 + 0.2 * smooth_noise(random, size, 20)[..., None])
    else:
        surface = fabric_texture(random, size)
    height = cv2.GaussianBlur(alpha, (0, 0), scene.eye_distance * 0.12)
    slope_x, slope_y = (cv2.Sobel(height, cv2.CV_32F, axis, 1 - axis) for axis in (1, 0))
    slope = slope_x * scene.light[0] + slope_y * scene.light[1]
    relief = np.clip(1 - random.uniform(0, 4) * slope, 0.4, 1.5)
    lit = apply_light(np.asarray(surface, np.float32), scene)
    layer.paint(np.clip(lit * relief[..., None], 0, 1), alpha.astype(np.float32))
    return layer


def draw_branch(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A twig with leaves."""
    size, layer, eye_distance = scene.size, OccluderLayer.empty(scene.size), scene.eye_distance
    position = scene.sample_point(random)
    direction, length = random.uniform(-np.pi, np.pi), eye_distance * random.uniform(2, 5)
    path = curve_points(position, direction, length, random.normal(0, 0.6), 14)
    green = np.array([random.uniform(*span) for span in ((0.1, 0.5), (0.3, 0.65), (0.05, 0.25))], np.float32)
    wood = apply_light((green * [1.1, 0.5, 0.8]).astype(np.float32), scene)
    layer.paint(wood, draw_line(size, path, eye_distance * 0.05))
    for number, root in enumerate(path):
        angle, long = random.uniform(-np.pi, np.pi), eye_distance * random.uniform(0.3, 0.8)
        swing = np.linspace(0, np.pi, 10)
        half = np.stack([swing / np.pi * long, np.sin(swing) * long * random.uniform(0.15, 0.35)], 1)
        leaf = np.concatenate([half, half[::-1] * [1, -1]])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        veins = streak_noise(random, size, -np.degrees(angle) + 40, 40)[..., None] if number % 4 == 0 else 0.0
        tone = green * np.exp(random.normal(0, 0.2)) * (1 + 0.1 * veins)
        surface = apply_light(np.clip(tone, 0, 1).astype(np.float32), scene)
        layer.paint(surface, draw_polygon(size, root + leaf @ turn.T))
    return layer


def draw_fruit(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """Something round with a gloss: an apple, a ball, a balloon."""
    size, layer = scene.size, OccluderLayer.empty(scene.size)
    position, radius = scene.sample_point(random), scene.eye_distance * random.uniform(0.3, 0.9)
    tone = np.clip(sample_color(random, 1.0) * (1 + 0.15 * smooth_noise(random, size, 6)[..., None]), 0, 1)
    surface = apply_light(tone.astype(np.float32), scene)
    draw_capsule(layer, position, position + np.float32(0.05) * radius, (radius, radius), surface, scene.light, 0.9)
    spot = (position + scene.light[:2] * radius * 0.5).astype(np.float32)
    white = np.full((size, size, 3), 0.95, np.float32)
    glint = OccluderLayer.empty(size)
    draw_capsule(glint, spot, spot + 1, (radius * 0.12,) * 2, white, scene.light, 0.0)
    layer.paint(glint.color, glint.alpha * 0.7 * layer.alpha)
    return layer


def sample_light(random: np.random.Generator) -> Picture:
    """(3,) a random direction of light: mostly from above and before."""
    direction = np.array([random.normal(0, 0.6), random.normal(-0.4, 0.4), random.uniform(0.5, 1.0)])
    return (direction / np.linalg.norm(direction)).astype(np.float32)
