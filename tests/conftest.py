"""Fixtures shared by several test folders: sample clips, the real command line, one small model made by it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from filelock import FileLock
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from effigie.assets import fetch_asset
from effigie.cli import console, main
from effigie.consent import Consent, default_store, new_consent
from effigie.faceset import FaceSet

# What a shell or a launcher may have set and effigie, pytest's own output aside, listens to: tests set their own.
INHERITED = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "RAY_ADDRESS"}
HEEDED = {"EFFIGIE_CACHE", "EFFIGIE_BROWSER", "EFFIGIE_PICTURES"}  # they are meant for the tests
INHERITED |= {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
for name in os.environ.copy():
    if name in INHERITED or (name.startswith("EFFIGIE_") and name not in HEEDED):
        del os.environ[name]

# Tests that run side by side share the cores: threads of OpenMP that wait for each other would take turns.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))

# Keys, records and the ledger of the tests lie apart from those of whoever runs them.
os.environ["EFFIGIE_HOME"] = tempfile.mkdtemp(prefix="effigie-tests-")
atexit.register(shutil.rmtree, os.environ["EFFIGIE_HOME"], ignore_errors=True)

# How long an example takes is the machine's affair.
hypothesis_settings.register_profile("effigie", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("effigie")

COMMAND = str(Path(sys.executable).with_name("effigie"))
CUT = 96  # frames of the woman that the small face set and model are made of


def heed_signals() -> None:
    """For a process about to start: nohup has it ignore hang-ups, a script's background interrupts, and so for good."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())


# What takes seconds to make, and so does a test that asks for it; `make test-fast` leaves both out.
SLOW_FIXTURES = {"man_faces", "woman_faces", "few_faces", "model"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of slow fixtures are slow; files with the most slow tests come first, lest one keeps a last worker busy."""
    slow: dict[Path, int] = {}
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
        slow[item.path] = slow.get(item.path, 0) + any(item.iter_markers("slow"))
    items.sort(key=lambda item: -slow[item.path])


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def line(self) -> str:
        """The one error line; progress lines come before it."""
        assert "Traceback" not in self.err, self.err
        complaints = [line for line in self.err.splitlines() if line.startswith("effigie: ")]
        assert len(complaints) == 1, self.err
        assert self.err.rstrip().endswith(complaints[0]), self.err
        return complaints[0]


class Command:
    """A running `effigie` command, in a session of its own so that all its processes can be found."""

    def __init__(self, *arguments: object, cwd: Path, file_limit: int | None = None) -> None:
        def prepare() -> None:
            import resource

            heed_signals()
            if file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        self.process = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        )
        self._read: list[str] = []

    def wait_for(self, start: str, holding: str = "") -> None:
        """Read on until a line of progress begins with ``start`` and holds ``holding``."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._read.append(line)
            if line.startswith(start) and holding in line:
                return
        wanted = f"begins with {start!r} and holds {holding!r}"
        raise AssertionError(f"ended without a line that {wanted}: {''.join(self._read)}")

    def family(self) -> list[psutil.Process]:
        """All living processes of the command's session."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def end(self, seconds: float = 600) -> Ended:
        """Wait for the command to end."""
        out, err = self.process.communicate(timeout=seconds)
        return Ended(self.process.returncode, out, "".join(self._read) + err)

    def nobody_left(self, seconds: float = 120) -> bool:
        """Whether every process of the session ends; the limit is for those that never would."""
        until = time.monotonic() + seconds
        while self.family():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """start(*arguments, cwd=..., file_limit=...) -> a running Command."""
    running: list[Command] = []

    def run(*arguments: object, cwd: Path = tmp_path, file_limit: int | None = None) -> Command:
        running.append(Command(*arguments, cwd=cwd, file_limit=file_limit))
        return running[-1]

    yield run
    for command in running:
        for process in command.family():
            with contextlib.suppress(psutil.Error):
                process.kill()
        command.process.wait()


@pytest.fixture(scope="session")
def run_once() -> Callable[..., Ended]:
    """run_once(*arguments, cwd=folder) -> how the command ended; for fixtures of wider scope."""
    return lambda *arguments, cwd: Command(*arguments, cwd=cwd).end()


@pytest.fixture
def effigie(start: Callable[..., Command]) -> Callable[..., Ended]:
    """effigie(*arguments, cwd=..., file_limit=...) -> how the command ended."""
    return lambda *arguments, **options: start(*arguments, **options).end()


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """here(*arguments) -> how the real `main` ended, run in this process, which has torch loaded already."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console, "STATUS_FILE", None)
    monkeypatch.setattr(console, "PROGRESS_STYLE", "auto")
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["effigie", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        return Ended(code if isinstance(code, int) else int(code is not None), printed.out, printed.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Path]:
    """Path of a sample by its name, fetched at first use."""
    return fetch_asset


@pytest.fixture(scope="session")
def cut() -> Callable[..., Path]:
    """cut(clip, target, start, stop): those frames, their times from 0, encoded again nearly without loss."""

    def make(clip: Path, target: Path, first: int, last: int) -> Path:
        with av.open(str(clip)) as source, av.open(str(target), "w") as output:
            stream = output.add_stream("libx264", rate=source.streams.video[0].average_rate)
            stream.options = {"preset": "ultrafast", "crf": "8", "g": "12"}
            stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
            stream.pix_fmt = "yuv420p"
            for index, frame in enumerate(source.decode(video=0)):
                if index >= last:
                    break
                if index >= first:
                    picture = av.VideoFrame.from_ndarray(frame.to_ndarray(format="yuv420p"), format="yuv420p")
                    picture.pts, picture.time_base = index - first, 1 / Fraction(stream.average_rate)
                    output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
        return target

    return make


@pytest.fixture(scope="session")
def man(sample: Callable[[str], Path]) -> Path:
    """A man, 72 frames of 640x360."""
    return sample("sample_man")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """made_once(name, make) -> a folder that ``make(folder)`` has filled, once for all workers of this run.

    Nobody may change what lies in it: other tests look at it at the same time.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"
    shared.mkdir(exist_ok=True)

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, partial = shared / name, shared / f"{name}.partial"
        with FileLock(shared / f"{name}.lock"):
            if not folder.exists():
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                make(partial)
                partial.rename(folder)
        return folder

    return make_once


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def woman(sample: Callable[[str], Path], cut: Callable[..., Path], made_once: Once) -> Path:
    """A woman, some frames of 640x360."""
    clip = sample("sample_woman")
    return made_once("woman", lambda folder: cut(clip, folder / "woman.mp4", 0, CUT)) / "woman.mp4"


@dataclass(frozen=True)
class Made:
    """A folder that a command made, and how it ended."""

    path: Path
    ended: Ended


def _make(made_once: Once, name: str, *arguments: object) -> Made:
    def make(folder: Path) -> None:
        ended = Command(*arguments, "-o", name, cwd=folder).end()
        assert ended.code == 0, ended.err
        (folder / "ended.json").write_text(json.dumps(asdict(ended)), "utf-8")

    folder = made_once(name, make)
    return Made(folder / name, Ended(**json.loads((folder / "ended.json").read_text("utf-8"))))


@pytest.fixture(scope="session")
def man_made(man: Path, made_once: Once) -> Made:
    return _make(made_once, "man.faces", "extract", man)


@pytest.fixture(scope="session")
def woman_made(woman: Path, made_once: Once) -> Made:
    return _make(made_once, "woman.faces", "extract", woman)


@pytest.fixture(scope="session")
def man_faces(man_made: Made) -> Path:
    """The man's face set; copy it before changing it."""
    return man_made.path


@pytest.fixture(scope="session")
def woman_faces(woman_made: Made, woman_consent: Path) -> Path:
    """The woman's face set; copy it before changing it. Her consent is in the store, where the gate looks for it."""
    return woman_made.path


@pytest.fixture(scope="session")
def woman_consent(woman: Path, made_once: Once) -> Path:
    """A consent record of the woman, valid for every use: the same in every worker's store."""

    def attest(folder: Path) -> None:
        record = new_consent("the woman of the samples", [woman], ("swap", "animate"), basis="sample", evidence=[woman])
        record.save(folder / "woman.consent.json")

    return default_store().add(Consent.load(made_once("consent", attest) / "woman.consent.json"))


def _thinned(path: Path, target: Path, step: int) -> Path:
    """Every ``step``-th face of a face set, as a set of its own."""
    whole = FaceSet.open(path)
    few = FaceSet.create(target, whole.settings)
    (source,) = whole.sources.values()
    with few.writer(source) as writer:
        writer.write(record for index, record in enumerate(whole.records()) if index % step == 0)
    return target


@pytest.fixture(scope="session")
def few_faces(man_faces: Path, woman_faces: Path, made_once: Once) -> tuple[Path, Path]:
    """Twenty-four faces each of the woman and of the man: quick to train with."""

    def make(folder: Path) -> None:
        _thinned(woman_faces, folder / "woman.faces", 4)
        _thinned(man_faces, folder / "man.faces", 3)

    folder = made_once("few", make)
    return folder / "woman.faces", folder / "man.faces"


@pytest.fixture(scope="session")
def model_made(few_faces: tuple[Path, Path], woman_consent: Path, made_once: Once) -> Made:
    sets = ("--source", few_faces[0], "--target", few_faces[1])
    return _make(made_once, "model", "train", *sets, "--steps", 2, "--batch", 2)


@pytest.fixture(scope="session")
def model(model_made: Made) -> Path:
    """A model that swaps the woman's face onto the man, hardly trained; copy it before changing it."""
    return model_made.path


@pytest.fixture(scope="session")
def portrait(man: Path) -> np.ndarray:
    """(360, 640, 3) uint8 RGB, the man's first frame."""
    with av.open(str(man)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")
