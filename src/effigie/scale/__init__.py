"""Running the same function over many pieces of work: processes on this machine. It knows nothing of what it runs."""

from effigie.scale.executor import Executor, LocalProcesses, available_cores

__all__ = ["Executor", "LocalProcesses", "available_cores"]
