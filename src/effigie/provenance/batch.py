"""Verification of many files: folders and patterns become files, and these are looked at side by side, in order."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from effigie.consent.store import ConsentStore
from effigie.errors import CancelledError, EffigieError, UsageError
from effigie.execution.pipeline import ordered_map
from effigie.media.pictures.reader import is_picture
from effigie.media.sound.reader import SOUND_SUFFIXES
from effigie.progress import CancelToken
from effigie.provenance.layer_manifest import find_manifest, is_listed
from effigie.provenance.ledger.ledger import Ledger
from effigie.provenance.report import Verification
from effigie.provenance.verifier import CLIP_SUFFIXES, verify

MAX_WORKERS = 64


def list_files(names: Iterable[str | Path]) -> Iterator[Path]:
    """The files that names stand for, each once, in the order of the names, within a name by path.

    Args:
        names: files; folders, which stand for the pictures, clips and sound in them and below, hidden ones left out,
            and for the manifests of layers and frames in place of these; and patterns
            with ``*``, ``?``, ``[...]`` or ``**``, where no file has that name itself.

    Raises:
        UsageError: a folder or pattern without such a file.
    """
    visited: set[Path] = set()
    for name in names:
        for path in _expand(Path(name)):
            if path not in visited:
                visited.add(path)
                yield path


def verify_many(
    names: Iterable[str | Path],
    *,
    workers: int = 1,
    ledger: Ledger | None = None,
    store: ConsentStore | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[tuple[Path, Verification | EffigieError]]:
    """What :func:`effigie.provenance.verify` says of every file, or why it could not be read, in order.

    Args:
        names: as for :func:`list_files`.
        workers: files looked at side by side, in threads, 1 to 64.
        ledger, store, cancel: as for :func:`effigie.provenance.verify`.

    Raises:
        UsageError: a folder or pattern without a file; workers out of range.
    """
    if not 1 <= workers <= MAX_WORKERS:
        raise UsageError(f"{workers} workers: give 1 to {MAX_WORKERS}")

    def look(path: Path) -> tuple[Path, Verification | EffigieError]:
        try:
            return path, verify(path, ledger=ledger, store=store, cancel=cancel)
        except CancelledError:
            raise
        except EffigieError as error:
            return path, error

    with ordered_map(look, list_files(names), workers, depth=2 * workers) as results:
        yield from results


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if _is_shown(one, path)]
        if not files:
            raise UsageError(f"{path} holds no picture, no clip and no sound: name another folder, or a file in it")
        return files
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    names = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - a pattern may be absolute
    files = [one for one in map(Path, names) if one.is_file()]
    if not files:
        raise UsageError(f"no file is named like {path}: check the pattern")
    return files


def _is_shown(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    if is_listed(path) or hidden or not path.is_file():  # their manifest is looked at, once for all of them
        return False
    return find_manifest(path) == path or is_picture(path) or path.suffix.lower() in (*CLIP_SUFFIXES, *SOUND_SUFFIXES)
