"""The line that shows how a run comes on, while it does."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from headroom.cli import units
from headroom.experiment_progress import ExperimentProgress
from headroom.progress import Pace, Progress

_WIDE = 100


class _Waiting(ProgressColumn):
    """How long it has been, as long as nobody can tell how long it will be."""

    def render(self, task: Task) -> Text:
        """The time since the start, until there is a total."""
        return Text(units.clock(task.elapsed or 0.0) if task.total is None else "", "dim")


class RunDisplay:
    """A line of progress on a terminal, gone when the run is over; nothing where there is no terminal.

    Args:
        console: where to draw.
        shown: whether to draw at all.
    """

    def __init__(self, console: Console, *, shown: bool) -> None:
        self._wide = console.width >= _WIDE
        self._pace = Pace()
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28 if self._wide else 8),
            TextColumn("{task.fields[detail]}", markup=False, style="dim"),
            _Waiting(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bars.add_task("loading", total=None, detail="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def phase(self, words: str) -> None:
        """Say what goes on before there is progress to show."""
        self._bars.update(self._task, description=words, refresh=True)

    def progressed(self, progress: Progress) -> None:
        """Show how far the run has come."""
        self._pace.observe(time.monotonic(), progress)
        self._bars.update(
            self._task,
            description=f"trials {progress.trials_done}/{progress.trials}",
            total=1.0,
            completed=progress.share,
            detail=detail(progress, self._pace, wide=self._wide),
        )

    def experimented(self, progress: ExperimentProgress) -> None:
        """Show how far an experiment has come; more trials than those of this round may follow."""
        self._bars.update(
            self._task,
            description=f"round {progress.round}",
            total=1.0,
            completed=progress.trials_done / max(progress.trials, 1),
            detail=(
                f"points {progress.points} · trials {progress.trials_done}/{progress.trials}"
                f" · {units.short_count(progress.requests)} requests"
            ),
        )


def detail(progress: Progress, pace: Pace, *, wide: bool) -> str:
    """The figures behind the bar, such as `34 % · 20 min · 512k requests · 2.31M/s · 4 s left`."""
    simulated = units.clock(progress.simulated, seconds=wide)
    if wide:
        simulated += f" of {units.clock(progress.total, seconds=wide)} simulated"
    parts = [f"{progress.share * 100:.0f} %", simulated, f"{units.short_count(progress.requests)} requests"]
    if pace.requests_per_second is not None:
        parts.append(f"{units.short_count(pace.requests_per_second)}/s")
    if pace.seconds_left is not None:
        parts.append(f"{units.clock(pace.seconds_left)} left")
    return " · ".join(parts)
