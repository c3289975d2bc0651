"""Running work side by side: the same function over many pieces, or stages of one stream in threads; jobs over lists.

Processes on this machine, or Ray's on many. It knows nothing of what it runs.
"""

from effigie.execution.executor import Executor, executor_for
from effigie.execution.processes import LocalProcesses
from effigie.execution.worker import available_cores, report, stop_requested

__all__ = ["Executor", "LocalProcesses", "available_cores", "executor_for", "report", "stop_requested"]
