"""Face recognition: unit identity embeddings of aligned faces, compared by cosine similarity."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.assets import fetch_asset
from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE
from effigie.io.protobuf import encode_bytes_field, iterate_fields, iterate_submessages

INPUT_SIZE = 112
# SFace's published cosine threshold; measured here: 0.83 within a person, 0.07 between.
SAME_PERSON_SIMILARITY = 0.363

# Where the two eyes, the nose tip and the mouth corners must lie in the 112x112 picture (ArcFace template).
ARCFACE_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)


def five_point_landmarks(landmarks: Landmarks) -> np.ndarray:
    """(5, 2) eyes, nose tip and mouth corners of (478, >= 2) landmarks, image left first."""
    points = landmarks[:, :2]
    return np.stack([points[LEFT_EYE].mean(0), points[RIGHT_EYE].mean(0), points[4], points[61], points[291]])


def align_face(image: Image, landmarks: Landmarks) -> np.ndarray:
    """Align a face to the (112, 112, 3) uint8 picture that the embedding network reads."""
    points = five_point_landmarks(landmarks).astype(np.float64)
    matrix = estimate_similarity(points, ARCFACE_TEMPLATE.astype(np.float64))
    return cv2.warpAffine(image, matrix, (INPUT_SIZE, INPUT_SIZE), flags=cv2.INTER_AREA)


def estimate_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Estimate the (2, 3) least-squares similarity transform of (N, 2) points (Umeyama 1991)."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = source - source_mean, target - target_mean
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = (s * sign).sum() / (a**2).sum()
    linear = scale * rotation
    return np.column_stack([linear, target_mean - linear @ source_mean])


class IdentityModel:
    """SFace (OpenCV Zoo) through ONNX Runtime, 23 ms a face on one core.

    Args:
        fold_constants: unpack the quantised weights once: loading takes 0.15 s instead of 0.08,
            a face 23 ms instead of 45.
    """

    def __init__(self, fold_constants: bool = True) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        # Unfolded, the block-quantised weights are unpacked again at every call.
        options.add_session_config_entry("session.disable_quant_qdq", "1" if fold_constants else "0")
        self._session = onnxruntime.InferenceSession(
            remove_initializer_inputs(fetch_asset("sface").read_bytes()), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, aligned: np.ndarray) -> np.ndarray:
        """(128,) unit float32 embedding of a (112, 112, 3) uint8 RGB picture made by :func:`align_face`."""
        data = aligned.transpose(2, 0, 1)[None].astype(np.float32)
        (features,) = self._session.run(None, {"data": data})
        return normalize_embedding(features[0])

    def embed(self, image: Image, landmarks: Landmarks) -> np.ndarray:
        """Embedding of the face with these (478, >= 2) landmarks in an RGB picture."""
        return self(align_face(image, landmarks))


def normalize_embedding(vector: np.ndarray) -> np.ndarray:
    """Scale ``vector`` to length one; float32."""
    return (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)


def remove_initializer_inputs(model: bytes) -> bytes:
    """Remove all graph inputs but ``data`` from an ONNX model.

    SFace lists its weights as inputs too, which ONNX Runtime refuses, and which would forbid constant folding.
    Field numbers are those of onnx.proto: ModelProto.graph = 7, GraphProto.input = 11, ValueInfoProto.name = 1.
    """
    graph = next(iterate_submessages(model, 7))
    new_graph = b"".join(
        raw
        for number, value, raw in iterate_fields(graph)
        if number != 11 or (isinstance(value, bytes) and next(iterate_submessages(value, 1)) == b"data")
    )
    return b"".join(
        encode_bytes_field(7, new_graph) if number == 7 else raw for number, _, raw in iterate_fields(model)
    )
