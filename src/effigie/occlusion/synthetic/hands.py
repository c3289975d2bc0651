"""Hands, fingers and arms: the most frequent occluders."""

from __future__ import annotations

import numpy as np

from effigie.occlusion.synthetic.canvas import (
    OccluderLayer,
    OccluderScene,
    Picture,
    apply_light,
    draw_capsule,
    draw_tube,
    fabric_texture,
    smooth_noise,
)

# Where on the palm's edge, and how long.
FINGER_LAYOUT = ((-0.42, 0.78), (-0.15, 0.93), (0.13, 1.0), (0.40, 0.9))


def skin_texture(random: np.random.Generator, scene: OccluderScene) -> Picture:
    """(S, S, 3) skin like the face's, or of another person: mottled, at times grained by a real picture."""
    size = scene.size
    spread = random.choice([0.3, 1.0])  # as often as not the very colour of the face
    tone = scene.skin * np.exp(spread * random.normal(0, 0.12)) * np.exp(spread * random.normal(0, 0.035, 3))
    if random.random() < 0.2:
        base = np.array([0.85, 0.62, 0.5]) * random.uniform(0.25, 1.1)
        tone = base * np.exp(random.normal(0, 0.06, 3)) * (0.4 + 0.8 * scene.skin.max())
    surface = np.broadcast_to(tone.astype(np.float32), (size, size, 3)).copy()
    mottled = 0.05 * smooth_noise(random, size, 5) + 0.03 * smooth_noise(random, size, 14)
    surface *= 1 + mottled[..., None] * np.array([0.7, 1.0, 1.1], np.float32)
    fine = random.uniform(0, 0.05)
    surface *= 1 + fine * smooth_noise(random, size, size / 3)[..., None]
    if random.random() < 0.3:
        real = scene.texture(random)
        surface *= np.clip(0.5 + 0.5 * real / np.maximum(real.mean((0, 1)), 0.05), 0.6, 1.4)
    return np.clip(surface, 0, 1)


def draw_hand(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """An open or half-closed hand whose fingers end somewhere on the face, with its arm or sleeve."""
    layer, surface = OccluderLayer.empty(scene.size), skin_texture(random, scene)
    # A palm is nearly as wide as the eyes are apart, and nearer.
    scale = scene.eye_distance * random.uniform(1.0, 2.0)
    tip = scene.jitter_point(random, scene.sample_point(random), 0.25)
    toward = random.uniform(-np.pi, 0) if random.random() < 0.85 else random.uniform(0, np.pi)
    ahead = np.array([np.cos(toward), np.sin(toward)], np.float32)
    side_axis = np.array([-ahead[1], ahead[0]], np.float32) * (1 if random.random() < 0.5 else -1)
    palm = (tip - ahead * scale * random.uniform(0.5, 1.5)).astype(np.float32)
    roundness = random.uniform(0.1, 0.85)
    wrist = palm - ahead * scale * 0.75
    draw_forearm(random, scene, layer, surface, wrist, -ahead, scale)
    draw_capsule(
        layer, palm - ahead * scale * 0.35, palm + ahead * scale * 0.18,
        (scale * 0.42, scale * 0.52), surface, scene.light, roundness * 0.5,
    )  # fmt: skip
    spread, curl = random.uniform(0.02, 0.22), random.uniform(0.55, 1.05)
    thumb = palm - side_axis * scale * 0.42 - ahead * scale * 0.2
    order = random.permutation(len(FINGER_LAYOUT)) if random.random() < 0.3 else range(len(FINGER_LAYOUT))
    draw_finger(random, scene, layer, surface, thumb, toward, side_axis, -0.8, 0.62 * scale, 0.16 * scale, roundness)
    folded = random.random(4) < (0.25 if random.random() < 0.5 else 0.0)
    for number in order:
        finger_offset, length = FINGER_LAYOUT[number]
        root = palm + ahead * scale * (0.42 - 0.25 * finger_offset**2) + side_axis * scale * finger_offset
        long = scale * length * curl * (0.35 if folded[number] else random.uniform(0.92, 1.05))
        aside, radius = spread * finger_offset * 2, 0.14 * scale
        draw_finger(random, scene, layer, surface, root, toward, side_axis, aside, long, radius, roundness)
    return layer


def draw_fingers(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """One to four finger ends that reach in: a chin held, a nose scratched, a mouth covered."""
    layer, surface = OccluderLayer.empty(scene.size), skin_texture(random, scene)
    scale = scene.eye_distance * random.uniform(1.0, 1.7)
    tip = scene.sample_point(random)
    toward = random.uniform(-np.pi, np.pi)
    ahead = np.array([np.cos(toward), np.sin(toward)], np.float32)
    side_axis = np.array([-ahead[1], ahead[0]], np.float32)
    roundness = random.uniform(0.1, 0.85)
    for number in range(int(random.integers(1, 5))):
        length = scale * random.uniform(1.0, 2.2)
        root = tip - ahead * length + side_axis * scale * 0.28 * (number - 1 + random.normal(0, 0.1))
        draw_finger(random, scene, layer, surface, root, toward, side_axis, random.normal(0, 0.1), length,
               0.135 * scale * random.uniform(0.9, 1.15), roundness)  # fmt: skip
    return layer


def draw_arm(random: np.random.Generator, scene: OccluderScene) -> OccluderLayer:
    """A sleeved or bare arm across the picture."""
    layer, surface = OccluderLayer.empty(scene.size), skin_texture(random, scene)
    position, angle = scene.sample_point(random), random.uniform(-np.pi, np.pi)
    ahead = np.array([np.cos(angle), np.sin(angle)], np.float32)
    wrist = scene.jitter_point(random, position, 0.3)
    draw_forearm(random, scene, layer, surface, wrist, ahead, scene.eye_distance * 1.4)
    return layer


def draw_forearm(
    random: np.random.Generator,
    scene: OccluderScene,
    layer: OccluderLayer,
    surface: Picture,
    wrist: Picture,
    direction: Picture,
    scale: float,
) -> None:
    """Draw a forearm from the wrist out of the picture, perhaps sleeved."""
    end = wrist + direction * scale * 5
    radii = 0.3 * scale, 0.55 * scale
    draw_capsule(layer, wrist, end, radii, surface, scene.light)
    if random.random() < 0.7:
        cuff = wrist + direction * scale * random.uniform(0.1, 1.2)
        cloth = apply_light(fabric_texture(random, scene.size), scene)
        wide = random.uniform(1.1, 1.5)
        draw_capsule(layer, cuff, end, (radii[0] * wide, radii[1] * wide), cloth, scene.light, 0.6)
    elif random.random() < 0.3:  # a watch or a bracelet
        band = wrist + direction * scale * 0.2
        dark = np.full_like(surface, random.uniform(0.02, 0.7))
        draw_capsule(layer, band, band + direction * scale * 0.12, (radii[0] * 1.1,) * 2, dark, scene.light)


def draw_finger(
    random: np.random.Generator,
    scene: OccluderScene,
    layer: OccluderLayer,
    surface: Picture,
    root: Picture,
    toward: float,
    side_axis: Picture,
    aside: float,
    length: float,
    radius: float,
    roundness: float,
) -> None:
    """Draw a finger: three limbs, darker where fingers touch, with folds at the joints and perhaps a nail.

    Args:
        toward: radians; ``aside`` radians more toward ``side_axis``.
    """
    ahead = np.array([np.cos(toward), np.sin(toward)], np.float32)
    bend = random.normal(0, 0.12)
    position = np.asarray(root, np.float32)
    direction = ahead * np.cos(aside) + side_axis * np.sin(aside)
    joints = [position]
    for share in (0.44, 0.31, 0.25):
        position = position + direction * length * share
        joints.append(position)
        angle = bend + random.normal(0, 0.05)
        cosine, sine = np.cos(angle), np.sin(angle)
        direction = np.array([direction[0] * cosine - direction[1] * sine, direction[0] * sine + direction[1] * cosine])
    path = np.stack(joints).astype(np.float32)
    radii = [radius * scale for scale in (1.05, 1.0, 0.95, 0.84)]
    dark = surface * np.float32(random.uniform(0.35, 0.9))
    draw_tube(layer, path, [one + random.uniform(0.3, 1.0) for one in radii], dark, scene.light, 0.1)
    draw_tube(layer, path, radii, surface, scene.light, roundness)
    if random.random() < 0.6:
        fold = surface * np.float32(random.uniform(0.75, 0.95))
        for joint, previous in zip(path[1:3], path[:2], strict=True):
            limb_axis = (joint - previous) / max(float(np.linalg.norm(joint - previous)), 1e-6)
            side = np.array([-limb_axis[1], limb_axis[0]], np.float32) * radius * 0.6
            draw_capsule(layer, joint - side, joint + side, (radius * 0.07,) * 2, fold, scene.light, 0.0)
    if random.random() < 0.5:
        tip = path[3] - (path[3] - path[2]) * 0.12
        tone = surface * random.uniform(1.0, 1.2)
        if random.random() < 0.25:
            tone = np.broadcast_to(random.random(3).astype(np.float32), surface.shape)
        base = tip - (path[3] - path[2]) * 0.3
        draw_capsule(layer, base, tip, (radius * 0.5, radius * 0.52), np.clip(tone, 0, 1), scene.light, 0.3)
