"""One writer for one output: a lock of the operating system's, which ends with the process that holds it.

Beside ``anna.faces`` lies ``.anna.faces.lock`` while somebody writes there. A kill leaves that file, but not the lock.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

from effigie.errors import BusyError, UsageError
from effigie.io.atomic import clear_abandoned

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

REMOVABLE = fcntl is not None
"""Whether an open file can be removed, as everywhere but on Windows."""
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
LOCKED_BYTE = 1 << 30  # Windows locks bytes, and nobody may read a locked one: this one is never written
LONGEST_NAME = 200


def take(stream: IO[bytes]) -> bool:
    """Lock an open file until it is closed or the process ends; False if another open file holds the lock.

    Raises:
        OSError: the file system knows no locks.
    """
    try:
        if fcntl:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            stream.seek(LOCKED_BYTE)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            stream.seek(0)
    except OSError as error:
        if error.errno in TAKEN:
            return False
        raise
    return True


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Be the only one that writes ``path``, a file or a folder, until the block ends; nobody waits.

    What a killed writer of ``path`` left half-written is removed. Where no lock can be had (a folder that may not be
    written, a network disk without locks), the block runs all the same: the write will say what is wrong.

    Raises:
        BusyError: another process, or another thread of this one, is writing it.
    """
    path = Path(path).absolute()
    lock = path.with_name(f".{path.name[:LONGEST_NAME]}.lock")
    made = _made(path.parent)
    stream = None
    try:
        with contextlib.suppress(OSError):
            stream = _opened(lock)
        if stream is None:
            yield
            return
        with stream:
            clear_abandoned(path)
            try:
                yield
            finally:
                if REMOVABLE:  # while it is held, so that nobody else's is
                    lock.unlink(missing_ok=True)
        if not REMOVABLE:
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def one_writer(argument: str) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Let nobody else write the path in ``argument`` while a function runs; see :func:`exclusive`.

    Of several processes that torchrun began for one training, the first holds the lock for all.
    """

    def wrap(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def alone(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            if os.environ.get("RANK", "0") != "0":
                return function(*args, **kwargs)
            path: Any = signature.bind(*args, **kwargs).arguments[argument]
            if not Path(path).name:
                raise UsageError(f"{path} has no name: name a file or a folder in it")
            with exclusive(Path(path)):
                return function(*args, **kwargs)

        return alone

    return wrap


def _opened(lock: Path) -> IO[bytes]:
    """The lock file, locked, with the number of this process in it.

    Raises:
        BusyError: it is another's.
        OSError: there can be none.
    """
    while True:
        stream = lock.open("a+b")
        try:
            if not take(stream):
                stream.seek(0)
                owner = stream.read(20).strip().decode("ascii", "replace")
                who = f"another effigie (process {owner})" if owner.isdigit() else "another effigie"
                raise BusyError(
                    f"{who} is writing {lock.parent / lock.name[1 : -len('.lock')]}: wait until it is done, "
                    "or choose another output"
                )
            # Whoever held it before may have removed it between opening and locking it here.
            if not REMOVABLE or _same(stream, lock):
                stream.truncate(0)
                stream.write(f"{os.getpid()}\n".encode())
                stream.flush()
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()


def _same(stream: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _made(folder: Path) -> list[Path]:
    """Make a folder and those above it; the new ones, innermost first, to be removed if they stay empty."""
    new = []
    while not folder.exists() and folder != folder.parent:
        new.append(folder)
        folder = folder.parent
    with contextlib.suppress(OSError):
        for one in reversed(new):
            one.mkdir(exist_ok=True)
    return new
