"""Saves and loads the model of a person.

A folder: ``config.json``, ``generator.safetensors`` (tuned, fp16), ``person.safetensors`` (the embedding, and psi: the
person's own AdaIN parameters), ``bank/`` (the T shots as a face set), ``portrait.png`` and its landmarks (the picture
that moves), ``consents/`` and ``manifest.json``. It is personal data in the plainest sense.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from effigie.consent.gate import ConsentLike, Permit, permit_model
from effigie.errors import FaceSetError, ModelError
from effigie.faces.align import compute_placement, crop_matrix
from effigie.faces.crop import apply_affine, crop, sharpness
from effigie.faces.mesh import fit_pose
from effigie.faceset import FaceSet
from effigie.faceset.schema import FaceRecord
from effigie.heads.checkpoint import COMMANDS, load_config, save_networks
from effigie.heads.inference.portrait import Portrait
from effigie.heads.meta_learning.identity_dataset import ReferenceShot
from effigie.heads.network.generator import Generator
from effigie.heads.person_folder import BANK, GENERATOR, PERSON, PORTRAIT
from effigie.heads.presets import Preset
from effigie.io.atomic_write import atomic_write, sha256
from effigie.io.folder_names import MANIFEST
from effigie.io.tensors import load_arrays, serialize_tensors
from effigie.prior.frame_bank import FaceGeometry
from effigie.training.export import CHECKPOINTS, has_newer_weights, load_checkpoint_weights
from effigie.training.model_folder import fill_network, load_weights, require_weights, save_config

LOG = logging.getLogger(__name__)

CROP_SIZE = 384  # px, side of the stored shots


@dataclass(frozen=True)
class PersonModel:
    """A person, ready to be animated.

    Attributes:
        preset, prior: of the generator.
        generator: tuned, in evaluation mode.
        psi: (1, P) the person's parameters.
        shots: the T shots.
        portrait: the picture that moves.
        permit: the gate's.
        manifest_sha256: outputs name the model by it.
    """

    preset: Preset
    prior: bool
    generator: Generator
    psi: Tensor
    shots: list[ReferenceShot]
    portrait: Portrait
    permit: Permit
    manifest_sha256: str | None


def crop_shot(portrait: Portrait, size: int) -> ReferenceShot:
    """A portrait's skull-aligned crop of ``size`` pixels."""
    matrix = crop_matrix(compute_placement(fit_pose(portrait.landmarks)), size)
    geometry = FaceGeometry.from_frame_landmarks(portrait.landmarks, matrix)
    return ReferenceShot(crop(portrait.image, matrix, size), geometry, portrait.blendshapes)


def save_person_config(folder: Path, preset: Preset, prior: bool) -> None:
    """Write how the generator is built."""
    save_config(folder, "person", prior=prior, preset=asdict(preset))


def save_person(
    folder: Path,
    preset: Preset,
    prior: bool,
    generator: Generator,
    embedding: Tensor,
    psi: Tensor,
    portraits: Sequence[Portrait],
) -> None:
    """Write all but consents and manifest; the first portrait is the one that moves."""
    save_person_config(folder, preset, prior)
    main = portraits[0]
    arrays = {
        "embedding": embedding.detach().float().cpu().numpy().reshape(-1),
        "psi": psi.detach().float().cpu().numpy().reshape(1, -1),
        "landmarks": main.landmarks.astype(np.float32),
        "blendshapes": main.blendshapes.astype(np.float32),
        "identity": main.embedding.astype(np.float32),
    }
    with atomic_write(folder / PERSON) as temporary:
        temporary.write_bytes(serialize_tensors(arrays))
    encoded = cv2.imencode(".png", cv2.cvtColor(main.image, cv2.COLOR_RGB2BGR))[1]
    with atomic_write(folder / PORTRAIT) as temporary:
        temporary.write_bytes(encoded.tobytes())
    save_networks(folder, {"generator": generator})
    _save_shots(folder / BANK, portraits)


def load_person(folder: str | Path, *, consent: ConsentLike = None, purpose: str | None = None) -> PersonModel:
    """A tuned person, if they consented to being animated.

    One whose tuning was stopped, or goes on at this moment, is loaded as tuned as they are; nothing is written.

    Raises:
        RefusedError: no valid consent.
        ModelError: missing, damaged, not a person's model, or of a newer version.
    """
    folder = Path(folder)
    config = load_config(folder, "person")
    if not FaceSet.exists(folder / BANK):
        raise ModelError(f"{folder} was never begun to be tuned: run `effigie tune` again")
    permit = permit_model(folder, "animate", consent=consent, purpose=purpose)
    preset, prior = Preset(**config["preset"]), bool(config["prior"])
    generator = Generator(preset, prior)
    weights: dict[str, Tensor] = {}
    if has_newer_weights(folder, folder / GENERATOR):
        weights = load_checkpoint_weights(folder, "tuned")
        own = {name.removeprefix("generator."): tensor for name, tensor in weights.items() if name != "psi"}
        fill_network(generator, own, folder / CHECKPOINTS)
    else:
        require_weights(folder / GENERATOR, COMMANDS["person"])
        load_weights(folder / GENERATOR, generator)
    try:
        arrays = load_arrays(folder / PERSON)
        data = np.frombuffer((folder / PORTRAIT).read_bytes(), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if image is None:
            raise ValueError(f"{PORTRAIT} is no picture")
        portrait = Portrait(
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
            arrays["landmarks"],
            arrays["identity"],
            arrays["blendshapes"],
            str(folder),
        )
        psi = weights["psi"].float() if weights else torch.from_numpy(arrays["psi"])
        if psi.shape != (1, generator.count):
            raise ValueError(f"psi has the shape {tuple(psi.shape)}")
        shots = _load_shots(folder / BANK)
    except (SafetensorError, OSError, KeyError, ValueError, FaceSetError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{folder} is damaged ({reason}): tune again into a new folder") from error
    LOG.info("loaded the person %s", folder)
    manifest = sha256(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    return PersonModel(preset, prior, generator, psi, shots, portrait, permit, manifest)


def _save_shots(path: Path, portraits: Sequence[Portrait]) -> None:
    with atomic_write(path) as temporary:
        bank = FaceSet.create(temporary, {"crop_size": CROP_SIZE, "stills": True})
        source = bank.create_source("shots", "shots", frames=len(portraits))
        with bank.writer(source) as writer:
            for number, portrait in enumerate(portraits):
                pose = fit_pose(portrait.landmarks)
                matrix = crop_matrix(compute_placement(pose), CROP_SIZE)
                picture = crop(portrait.image, matrix, CROP_SIZE)
                encoded = cv2.imencode(
                    ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 97]
                )[1]
                points = portrait.landmarks[:, :2]
                writer.write(
                    [
                        FaceRecord(
                            clip=source.name,
                            frame=number,
                            time=Fraction(number),
                            track=number,
                            box=np.concatenate([points.min(0), points.max(0)]).astype(np.float32),
                            landmarks=portrait.landmarks.astype(np.float32),
                            blendshapes=portrait.blendshapes.astype(np.float32),
                            pose=pose.angles,
                            matrix=matrix,
                            embedding=portrait.embedding.astype(np.float32),
                            sharpness=sharpness(picture),
                            confidence=1.0,
                            crop=encoded.tobytes(),
                        )
                    ]
                )


def _load_shots(path: Path) -> list[ReferenceShot]:
    faces = FaceSet.open(path).load(("landmarks", "blendshapes", "matrix"))
    return [
        ReferenceShot(
            faces.crop(row),
            FaceGeometry.from_landmarks(apply_affine(faces.matrix[row].astype(np.float64), faces.landmarks[row])),
            faces.blendshapes[row],
        )
        for row in range(len(faces))
    ]
