"""Calls of the C2PA library that its Python package does not pass on: signing without a copy of the file.

``Builder.sign`` reads a file and writes another; in between the library keeps a third in the folder for temporary
files. A clip of 50 GB then needs 100 GB more at its very end. The library itself can do without: it gives a placeholder
for the manifest, hashes the file that holds it, and gives a manifest of the same size. Those calls are in its C
interface.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import c2pa

RAW_MANIFEST = "application/c2pa"  # the format of a manifest by itself, and of the hash of all bytes of a file
_BYTES_OUT = ctypes.POINTER(ctypes.POINTER(ctypes.c_ubyte))
_CALLS: dict[str, tuple[list[Any], Any]] = {
    "c2pa_builder_placeholder": ([ctypes.c_void_p, ctypes.c_char_p, _BYTES_OUT], ctypes.c_int64),
    "c2pa_builder_sign_embeddable": ([ctypes.c_void_p, ctypes.c_char_p, _BYTES_OUT], ctypes.c_int64),
    "c2pa_builder_update_hash_from_stream": ([ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p], ctypes.c_int),
}


def supports_signing_in_place() -> bool:
    """Whether the installed library has the calls; one of another version may not."""
    return _load() is not None


def _load() -> Any:
    from c2pa import c2pa as bindings

    library = getattr(bindings, "_lib", None)
    names = ("_read_native_error", "Stream", "C2paError")
    if library is None or not all(hasattr(bindings, name) for name in names):
        return None
    try:
        for name, (arguments, result) in _CALLS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
    except AttributeError:
        return None
    return bindings


def make_placeholder(builder: c2pa.Builder, media_type: str) -> bytes:
    """The bytes that hold the manifest's place in a file of ``media_type``, wrapped as it wants them.

    Raises:
        c2pa.C2paError: the library refuses.
    """
    return _call_for_bytes("c2pa_builder_placeholder", builder, media_type)


def hash_stream(builder: c2pa.Builder, media_type: str, stream: Any) -> None:
    """Hash a file-like ``stream``, the placeholder in it left out, into the manifest to be."""
    bindings = _load()
    wrapped = bindings.Stream(stream)
    try:
        result = bindings._lib.c2pa_builder_update_hash_from_stream(
            builder._handle, media_type.encode(), ctypes.cast(wrapped._stream, ctypes.c_void_p)
        )
        if result < 0:
            raise bindings.C2paError(bindings._read_native_error() or "the file cannot be hashed")
    finally:
        wrapped.close()


def sign_embeddable(builder: c2pa.Builder, media_type: str) -> bytes:
    """The signed manifest, as long as the placeholder; the signer is that of the builder's context."""
    return _call_for_bytes("c2pa_builder_sign_embeddable", builder, media_type)


def _call_for_bytes(name: str, builder: c2pa.Builder, media_type: str) -> bytes:
    bindings = _load()
    pointer = ctypes.POINTER(ctypes.c_ubyte)()
    size = getattr(bindings._lib, name)(builder._handle, media_type.encode(), ctypes.byref(pointer))
    if size < 0 or not pointer:
        raise bindings.C2paError(bindings._read_native_error() or f"{name} gave nothing")
    try:
        return ctypes.string_at(pointer, size)
    finally:
        bindings._lib.c2pa_free(pointer)
