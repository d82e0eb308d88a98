"""Work that may take long: a bar on stderr where somebody watches, and Ctrl-C that ends it with what there is."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from tokonomics.cli.output import OutputOptions, remark

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Work:
    """Told of progress, shows it; the first Ctrl-C asks the work to end, the second ends the process."""

    def __init__(self, label: str, output: OutputOptions) -> None:
        self.label = label
        self.is_stopped = False
        self._output = output
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def goes_on(self, num_done: int, num_all: int) -> bool:
        """Show that `num_done` of `num_all` are done; say whether to go on."""
        if self._bar is None and num_done < num_all and sys.stderr.isatty() and self._output.verbosity >= 0:
            self._open(num_all)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=num_done, total=num_all)
        return not self.is_stopped

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Handle Ctrl-C."""
        if self.is_stopped:
            raise KeyboardInterrupt
        self.is_stopped = True
        remark("ending with what there is; Ctrl-C again quits at once", self._output)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _open(self, num_all: int) -> None:
        from rich.console import Console  # 50 ms that only long work needs
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self.label, total=num_all)
        self._bar.start()


@contextmanager
def long_work(label: str, output: OutputOptions) -> Iterator[Work]:
    """Work whose Ctrl-C is caught until the block ends."""
    work = Work(label, output)
    is_main = threading.current_thread() is threading.main_thread()  # others may not set handlers
    before = signal.signal(signal.SIGINT, work.stop) if is_main else None
    try:
        yield work
    finally:
        work.close()
        if is_main:
            signal.signal(signal.SIGINT, before)


def announce_compiling(output: OutputOptions) -> None:
    """Tell who watches why the first replay of an installation takes so long."""
    from tokonomics.simulation.compiled import is_compiled  # numba loads only where something is replayed

    if sys.stderr.isatty() and not is_compiled():
        remark("compiling the simulator for this machine, once: a minute or two", output)
