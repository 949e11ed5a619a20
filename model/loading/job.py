"""One attempt to make a model resident: what it reports, and how it is called off."""

from __future__ import annotations

import threading

from model.engine.base import LoadProgress, ReportProgress
from model.errors import LoadCancelledError


class LoadJob:
    """Handed to everything that works on one load, on whatever thread.

    Args:
        report: takes each step's progress; called on any thread.
    """

    def __init__(self, report: ReportProgress) -> None:
        self._report = report
        self._cancelled = threading.Event()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Call it off: the next `report` or `check` raises on the thread that works."""
        self._cancelled.set()

    def report(self, progress: LoadProgress) -> None:
        """
        Raises:
            LoadCancelledError: the load was called off.
        """
        self.check()
        self._report(progress)

    def check(self) -> None:
        """
        Raises:
            LoadCancelledError: the load was called off.
        """
        if self._cancelled.is_set():
            raise LoadCancelledError("Loading was cancelled.", "Retry starts it again.")
