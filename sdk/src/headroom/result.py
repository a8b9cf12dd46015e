"""The result of a run: a thin typed view of the published document `headroom.result/v1`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from headroom.writing import write_atomically, write_text
from headroom_common.errors import PermanentError

Document = dict[str, Any]
Verdict = Literal["pass", "miss", "none"]

QUANTITIES = ("mean", "sd", "min", "max", "p50", "p90", "p95", "p99", "p999")
SUFFIXES = (".json", ".html", ".parquet")


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate over the trials with its confidence interval.

    Attributes:
        value: the estimate; None when there was nothing to estimate it from.
        low: the lower end of the interval; None with a single trial.
        high: the upper end of the interval; None with a single trial.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Figure":
        """The figure that `{"value", "low", "high"}` writes down."""
        return cls(document["value"], document["low"], document["high"])


@dataclass(frozen=True, slots=True)
class Server:
    """What one group of equal server replicas did.

    Attributes:
        name: as in the scenario.
        replicas: number of replicas of the group.
        utilisation: busy core time over available core time, averaged over the replicas.
        saturated: whether one of its resources was used up.
        bottleneck: that resource, `cpu`, `memory` or `pool:<name>`; None when none stands out.
        latency: seconds by quantity, of the requests that this server answered.
        document: everything else the result says about it.
    """

    name: str
    replicas: int
    utilisation: Figure
    saturated: bool
    bottleneck: str | None
    latency: Mapping[str, Figure]
    document: Document


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause's part of the latency.

    Attributes:
        cause: `link:<name>`, `memory_wait`, `cpu_wait`, `cpu_run`, `io` or `pool_wait:<name>`.
        server: the server where the time went; None for links.
        seconds: mean time per request.
        share: the part of the whole, 0 to 1.
    """

    cause: str
    server: str | None
    seconds: Figure
    share: float


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective, judged.

    Attributes:
        text: as the scenario's author wrote it.
        value: what the run measured.
        met: whether the measured value keeps the objective.
        certain: whether the whole confidence interval lies on the same side of the threshold.
    """

    text: str
    value: Figure
    met: bool
    certain: bool


class Result:
    """What a run found out.

    Args:
        document: a document of the format `headroom.result/v1`.

    Attributes:
        document: as given; it holds everything, the properties are a typed view of its usual parts.

    Raises:
        PermanentError: the document is of another format.
    """

    def __init__(self, document: Document) -> None:
        found = document.get("format")
        if found != "headroom.result/v1":
            message = f"format: expected 'headroom.result/v1', found {found!r}"
            raise PermanentError(message, next_step="Read it with the version of Headroom that wrote it.")
        self.document = document

    @classmethod
    def read(cls, path: str | Path) -> "Result":
        """The result that `write` stored as JSON.

        Raises:
            OSError: the file cannot be read.
            PermanentError: the file is no result document.
        """
        return cls(read_document(path))

    @property
    def verdict(self) -> Verdict:
        """`pass` or `miss` over all objectives; `none` when the scenario has none."""
        return cast("Verdict", self.document["verdict"])

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.document["name"])

    @property
    def seed(self) -> int:
        """The seed of all randomness."""
        return int(self.document["seed"])

    @property
    def trials(self) -> int:
        """The number of independent replications."""
        return int(self.document["trials"])

    @property
    def trials_requested(self) -> int:
        """The number that was asked for: more than `trials` in the partial result of a cancelled run."""
        partial = self.document.get("partial")
        return self.trials if partial is None else int(partial["trials_requested"])

    @property
    def requests(self) -> int:
        """The number of requests over all trials."""
        return int(self.document["requests"]["total"])

    @property
    def outcomes(self) -> Mapping[str, Figure]:
        """Requests per trial by outcome: ok, dropped, refused, shed, timed_out."""
        return {name: Figure.of(figure) for name, figure in self.document["outcomes"].items()}

    @property
    def error_ratio(self) -> Figure:
        """The share of requests that did not end ok, 0 to 1."""
        return Figure.of(self.document["error_ratio"])

    @property
    def latency(self) -> Mapping[str, Figure]:
        """Seconds by quantity: mean, sd, min, max, p50, p90, p95, p99, p999."""
        return _latency(self.document["latency"])

    @property
    def throughput(self) -> Figure:
        """Requests per second that ended ok."""
        return Figure.of(self.document["throughput"])

    @property
    def servers(self) -> Mapping[str, Server]:
        """The servers by name, in the scenario's order."""
        return {server["name"]: _server(server) for server in self.document["servers"]}

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The judged objectives, in the scenario's order."""
        return tuple(
            Objective(one["objective"], Figure.of(one["value"]), met=one["met"], certain=one["certain"])
            for one in self.document["objectives"]
        )

    def anatomy(self, of: Literal["mean", "p99"] = "mean") -> tuple[Cause, ...]:
        """Where the time of a request went, of the mean or of the slowest hundredth, largest part first."""
        causes = (
            Cause(part["cause"], part["server"], Figure.of(part["seconds"]), part["share"])
            for part in self.document["anatomy"][of]["parts"]
        )
        return tuple(sorted(causes, key=lambda cause: -cause.share))

    def to_json(self) -> str:
        """The document as text; equal runs give equal text."""
        return json.dumps(self.document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def html(self) -> str:
        """The report as one page."""
        from headroom_analysis.report import render_html  # noqa: PLC0415 - matplotlib takes long to import

        return render_html(self.document)

    def write(self, path: str | Path) -> None:
        """Store the result as its suffix says: `.json` (all of it), `.html` (report), `.parquet` (tables).

        The file appears whole or not at all.

        Raises:
            PermanentError: the suffix is none of these.
            OSError: the file cannot be written.
        """
        target = Path(path)
        check_suffix(target)
        # Importing the report draws in matplotlib; most users of a result never ask for it.
        match target.suffix.lower():
            case ".json":
                write_text(target, self.to_json())
            case ".html":
                write_text(target, self.html())
            case _:
                from headroom_analysis.report import write_parquet  # noqa: PLC0415 - see above

                write_atomically(target, lambda file: write_parquet(self.document, file))

    def __repr__(self) -> str:
        p99 = self.latency["p99"].value
        shown = "none" if p99 is None else f"{p99:.6g} s"
        return f"<Result {self.name}: {self.verdict}, {self.requests} requests, p99 {shown}>"


def read_document(path: str | Path) -> Document:
    """The document that a JSON file holds.

    Raises:
        OSError: the file cannot be read.
        PermanentError: it holds no JSON object.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{path}: expected a JSON result document, found something else ({error})"
        raise PermanentError(message, next_step="Give a file that --output FILE.json wrote.") from error
    if not isinstance(document, dict):
        message = f"{path}: expected a JSON object, found {type(document).__name__}"
        raise PermanentError(message, next_step="Give a file that --output FILE.json wrote.")
    return document


def check_suffix(path: Path, suffixes: tuple[str, ...] = SUFFIXES, what: str = "output") -> None:
    """Refuse a file name that does not say what to write.

    Args:
        path: the file.
        suffixes: what its name may end in.
        what: what the file is called in the message.

    Raises:
        PermanentError: its suffix is none of these.
    """
    if path.suffix.lower() in suffixes:
        return
    message = f"{what} {path}: expected a name that ends in {', '.join(suffixes)}, found {path.suffix!r}"
    raise PermanentError(message, next_step="Name the file for what it shall hold, such as result.json.")


def _latency(document: Document) -> Mapping[str, Figure]:
    """The figures of a latency block, without its histogram."""
    return {name: Figure.of(document[name]) for name in QUANTITIES}


def _server(document: Document) -> Server:
    """The typed view of one entry of `servers`."""
    return Server(
        name=document["name"],
        replicas=document["replicas"],
        utilisation=Figure.of(document["utilisation"]),
        saturated=document["saturated"],
        bottleneck=document["bottleneck"],
        latency=_latency(document["latency"]),
        document=document,
    )
