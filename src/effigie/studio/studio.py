"""What the endpoints share: the workspace, its jobs, its frames, and who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from effigie.studio.events import EventHub
from effigie.studio.jobs.queue import JobQueue
from effigie.studio.library import Library
from effigie.studio.preview_process import PreviewProcesses
from effigie.studio.sessions import Sessions
from effigie.studio.views.face_grid import FaceGrids
from effigie.studio.views.frames import FrameSources
from effigie.studio.views.posters import Posters
from effigie.studio.views.sound_views import SoundViews
from effigie.studio.workspace import Workspace


@dataclass
class Studio:
    """The parts of a running studio.

    Attributes:
        announce: shows a new address in the terminal.
    """

    workspace: Workspace
    sessions: Sessions
    announce: Callable[[], None]
    cookie_name: str
    events: EventHub = field(default_factory=EventHub)
    merges: PreviewProcesses = field(default_factory=PreviewProcesses)
    heads: PreviewProcesses = field(default_factory=PreviewProcesses)
    library: Library = field(init=False)
    jobs: JobQueue = field(init=False)
    frames: FrameSources = field(default_factory=FrameSources)
    posters: Posters = field(default_factory=Posters)
    sounds: SoundViews = field(default_factory=SoundViews)
    faces: FaceGrids = field(default_factory=FaceGrids)

    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def keep_task(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is done: the loop alone would let it go."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def __post_init__(self) -> None:
        self.library = Library(self.workspace)
        self.jobs = JobQueue(self.workspace)
