"""Occluders that are worn: glasses, hair, cloth before the mouth, veils."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE
from effigie.occlusion.synthetic.canvas import (
    OccluderLayer,
    OccluderScene,
    Picture,
    apply_light,
    curve_points,
    draw_line,
    draw_polygon,
    fabric_texture,
    pixel_grid,
    sample_color,
    smooth_noise,
    streak_noise,
    to_fixed_point,
)

TEMPLE_LANDMARKS = (127, 356)
HAIRLINE = np.array([127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356])
LOWER_FACE = np.array([127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397,
                       288, 361, 323, 454, 356])  # fmt: skip


def lens_outline(random: np.random.Generator) -> Picture:
    """(32, 2) the outline of a lens round (0, 0), about 1 half-width and 1 half-height."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    power = random.choice([1.0, 0.8, 0.6, 0.45])
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    x *= 1 + random.uniform(-0.2, 0.12) * y  # narrower below, as most are
    return np.stack([x, y + random.uniform(-0.12, 0.05) * x], 1).astype(np.float32)


def draw_glasses(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A frame, thin or thick; lenses clear, tinted or black, with what they mirror."""
    size, layer = scene.size, OccluderLayer.empty(scene.size)
    across, down = scene.axes
    eye_distance, outline = scene.eye_distance, lens_outline(random)
    width, height = random.uniform(0.36, 0.47), random.uniform(0.22, 0.4)
    thick = eye_distance * (random.uniform(0.012, 0.04) if random.random() < 0.5 else random.uniform(0.04, 0.12))
    lower = random.uniform(-0.02, 0.12) * eye_distance
    if random.random() < 0.1:
        lower += random.uniform(0.1, 0.5) * eye_distance  # slipped down
    eyes = [scene.landmarks[eye].mean(0) + down * lower for eye in (LEFT_EYE, RIGHT_EYE)]
    centers = [
        eye + across * side * random.uniform(0, 0.05) * eye_distance for eye, side in zip(eyes, (-1, 1), strict=True)
    ]
    lenses = [
        center + eye_distance * (outline[:, :1] * side * width * across + outline[:, 1:] * height * down)
        for center, side in zip(centers, (-1, 1), strict=True)
    ]
    _draw_lenses(random, scene, layer, lenses)
    dark = random.random() < 0.6
    paint = np.full(3, random.uniform(0.01, 0.15), np.float32) if dark else sample_color(random, 0.8)
    alpha = np.zeros((size, size), np.float32)
    style = random.random()
    for lens in lenses:
        if style < 0.75:
            alpha = np.maximum(alpha, draw_line(size, lens, thick, closed=True))
        elif style < 0.9:  # half rims; the rest have none
            alpha = np.maximum(alpha, draw_line(size, lens[16:], thick))
    inner = [
        lens[int(np.argmin(np.linalg.norm(lens - other, axis=1)))]
        for lens, other in zip(lenses, centers[::-1], strict=True)
    ]
    middle = (inner[0] + inner[1]) / 2 - down * eye_distance * random.uniform(0, 0.08)
    alpha = np.maximum(alpha, draw_line(size, np.stack([inner[0], middle, inner[1]]), max(1.2, thick * 0.9)))
    for lens, temple, opposite in zip(lenses, TEMPLE_LANDMARKS, centers[::-1], strict=True):
        outer = lens[int(np.argmax(np.linalg.norm(lens - opposite, axis=1)))]
        end = (
            scene.landmarks[temple]
            + random.normal(0, 0.03, 2) * eye_distance
            - down * eye_distance * random.uniform(0, 0.1)
        )
        alpha = np.maximum(alpha, draw_line(size, np.stack([outer, end]), max(1.2, thick * random.uniform(0.6, 1.2))))
    gloss = 1 + 0.5 * np.clip(smooth_noise(random, size, 12), 0, 2)[..., None]
    frame = apply_light(paint * gloss, scene)
    if random.random() < 0.2:  # tortoise
        frame = frame * (0.6 + 0.6 * (smooth_noise(random, size, 30)[..., None] > 0.3))
    strength = 1.0 if random.random() < 0.85 else random.uniform(0.5, 0.9)  # clear plastic
    layer.paint(np.clip(frame, 0, 1).astype(np.float32), alpha * np.float32(strength))
    return layer


def _draw_lenses(
    random: np.random.Generator, scene: OccluderScene, layer: OccluderLayer, lenses: list[Picture]
) -> None:
    size, kind = scene.size, random.random()
    if kind < 0.22:
        shade = random.uniform(0.8, 1.0)  # sunglasses
    elif kind < 0.34:
        shade = random.uniform(0.05, 0.35)
    else:
        shade = 0.0
    tint = sample_color(random, 0.6) * random.uniform(0.05, 0.4)
    _, y = pixel_grid(size)
    mirrored = scene.texture(random) if random.random() < 0.5 else fabric_texture(random, size)
    for lens in lenses:
        inside = draw_polygon(size, lens)
        if shade:
            fade = 1 - random.uniform(0, 0.5) * np.clip((y - lens[:, 1].min()) / np.ptp(lens[:, 1]), 0, 1)
            glass = tint + random.uniform(0, 0.25) * mirrored
            layer.paint(np.clip(glass, 0, 1).astype(np.float32), (inside * shade * fade).astype(np.float32))
        if random.random() < 0.35:
            blotch = cv2.GaussianBlur(
                (smooth_noise(random, size, 8) > random.uniform(0.6, 1.6)).astype(np.float32), (0, 0), 2
            )
            bright = np.full(3, random.uniform(0.7, 1), np.float32)
            layer.paint(bright, inside * blotch * np.float32(random.uniform(0.2, 0.9)))


def sample_hair_color(random: np.random.Generator) -> Picture:
    """(3,) black, brown, fair, red, grey, now and then dyed."""
    base_colors = ((0.04, 0.035, 0.03), (0.13, 0.08, 0.05), (0.3, 0.19, 0.11), (0.7, 0.55, 0.35), (0.45, 0.2, 0.1),
             (0.6, 0.6, 0.6), (0.85, 0.83, 0.8))  # fmt: skip
    if random.random() < 0.07:
        return sample_color(random, 1.0)
    tone = np.array(base_colors[int(random.integers(0, len(base_colors)))]) * np.exp(random.normal(0, 0.25))
    return np.clip(tone * np.exp(random.normal(0, 0.06, 3)), 0.01, 1).astype(np.float32)


def draw_hair(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A fringe, a lock or some single hairs, falling from the hairline."""
    layer = OccluderLayer.empty(scene.size)
    tone, eye_distance = sample_hair_color(random), scene.eye_distance
    _, down = scene.axes
    kind = random.random()
    if kind < 0.35:  # a fringe across the forehead
        count, first, last = int(random.integers(60, 260)), 3, len(HAIRLINE) - 3
        length, opaque = random.uniform(0.4, 1.3) * eye_distance, random.random() < 0.7
    elif kind < 0.75:  # a lock on one side
        count = int(random.integers(25, 160))
        first = int(random.choice([0, 3, 9, 11]))
        last, length, opaque = first + 4, random.uniform(0.8, 3.2) * eye_distance, random.random() < 0.7
    else:
        count, first, last = int(random.integers(2, 14)), 0, 14
        length, opaque = random.uniform(0.5, 2.5) * eye_distance, False
    top = scene.landmarks[HAIRLINE] - down * eye_distance * random.uniform(0.3, 0.75)
    sweep, wave = random.normal(0, 0.45), random.normal(0, 0.5)
    straight = np.arctan2(down[1], down[0])
    roots = random.uniform(first, last, count)
    paths = []
    for root in roots:
        position = np.array([np.interp(root, np.arange(len(HAIRLINE)), top[:, axis]) for axis in (0, 1)])
        # Beside the face hair hangs along it.
        fan = 0.25 * (root - 7) / 7
        turn = straight - sweep - fan + random.normal(0, 0.06)
        start = position + random.normal(0, 0.05, 2) * eye_distance
        long = length * random.uniform(0.75, 1.1) + 0.45 * eye_distance
        paths.append(curve_points(start, turn, long, wave + random.normal(0, 0.12)))
    sheen = streak_noise(random, scene.size, 90 - np.degrees(straight), random.uniform(30, 70))
    body = apply_light(np.clip(tone * (1 + 0.3 * sheen[..., None]), 0, 1), scene)
    if opaque:
        mask = np.zeros((scene.size, scene.size), np.uint8)
        for path in paths:
            thick = max(2, round(eye_distance * 0.09))
            cv2.polylines(mask, [to_fixed_point(path)], False, 255, thick, cv2.LINE_AA, 4)
        layer.paint(body, np.float32(1 / 255) * mask)
    for shade in (0.75, 1.0, 1.3):
        mask = np.zeros((scene.size, scene.size), np.uint8)
        for path in paths[:: 1 if len(paths) < 100 else 2]:
            moved = path + random.normal(0, 0.03 * eye_distance, 2)
            bright = int(random.integers(120, 256))
            cv2.polylines(mask, [to_fixed_point(moved)], False, bright, 1, cv2.LINE_AA, 4)
        layer.paint(np.clip(body * np.float32(shade), 0, 1), np.float32(1 / 255) * mask)
    return layer


def draw_cloth(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A surgical mask, a scarf, a collar, or a hat's brim."""
    size, layer = scene.size, OccluderLayer.empty(scene.size)
    across, down = scene.axes
    eye_distance = scene.eye_distance
    if random.random() < 0.75:
        jaw = scene.landmarks[LOWER_FACE]
        middle = jaw.mean(0)
        jaw = middle + (jaw - middle) * random.uniform(0.95, 1.3)
        top = scene.landmarks[6] + (scene.landmarks[152] - scene.landmarks[6]) * random.uniform(0.15, 0.8)
        height = (jaw - top) @ down
        ends = np.where(height > random.uniform(-0.4, 0.3) * eye_distance)[0]
        outline = np.concatenate([jaw[ends], [top + random.normal(0, 0.05, 2) * eye_distance]])
        if random.random() < 0.5:
            outline[:-1] += down * np.maximum(0, (outline[:-1] - top) @ down)[:, None] * random.uniform(0, 1)
    else:
        brow = scene.landmarks[10] + down * random.uniform(-0.4, 0.7) * eye_distance
        rise = across * eye_distance * 2.2
        sag = down * eye_distance * random.uniform(-0.3, 0.5)
        crown = brow - down * 4 * eye_distance
        outline = np.stack([brow - rise, brow + sag, brow + rise, crown + rise, crown - rise])
    alpha = cv2.GaussianBlur(draw_polygon(size, outline), (0, 0), 0.6)
    surface = fabric_texture(random, size)
    if random.random() < 0.3:
        plain = np.array([[0.75, 0.88, 0.95], [0.95, 0.95, 0.95], [0.08, 0.08, 0.09]], np.float32)
        surface = plain[random.integers(0, 3)]
    folds = streak_noise(
        random, size, random.uniform(-25, 25) + (90 if random.random() < 0.3 else 0), random.uniform(4, 12)
    )
    surface = np.clip(surface * (1 + random.uniform(0.03, 0.25) * folds[..., None]), 0, 1)
    layer.paint(apply_light(surface.astype(np.float32), scene), alpha)
    return layer


def draw_veil(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """Something thin that the face is seen through: tulle, smoke, a dirty pane, a curtain's edge."""
    size, layer = scene.size, OccluderLayer.empty(scene.size)
    angle, position = random.uniform(0, 2 * np.pi), scene.sample_point(random)
    x, y = pixel_grid(size)
    side = (x - position[0]) * np.cos(angle) + (y - position[1]) * np.sin(angle)
    edge = side + random.uniform(2, 10) * smooth_noise(random, size, random.uniform(2, 6))
    alpha = np.clip(edge / random.uniform(1, 12) + 0.5, 0, 1) * random.uniform(0.3, 0.85)
    alpha *= np.clip(1 + 0.25 * smooth_noise(random, size, random.uniform(3, 40)), 0, 1.15)
    layer.paint(apply_light(fabric_texture(random, size), scene), np.clip(alpha, 0, 1).astype(np.float32))
    layer.casts_shadow = False
    return layer
