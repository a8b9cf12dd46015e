"""What an experiment found out: a thin view of the published document `headroom.experiment/v1`."""

from pathlib import Path
from typing import Any, Final

from headroom.result import Result, check_suffix, read_document
from headroom.writing import write_atomically, write_text
from headroom_common.errors import PermanentError
from headroom_common.result_format import published

Document = dict[str, Any]

FORMAT: Final = "headroom.experiment/v1"
PLOT_SUFFIXES: Final = (".png", ".svg")


class ExperimentResult:
    """What an experiment found out.

    Args:
        document: a document of the format `headroom.experiment/v1`.

    Attributes:
        document: as given; docs/experiment-format.md says what is in it.

    Raises:
        PermanentError: the document is of another format.
    """

    def __init__(self, document: Document) -> None:
        found = document.get("format")
        if found != FORMAT:
            message = f"format: expected '{FORMAT}', found {found!r}"
            raise PermanentError(message, next_step="Read it with the version of Headroom that wrote it.")
        self.document = document

    @classmethod
    def read(cls, path: str | Path) -> "ExperimentResult":
        """The result that `write` stored as JSON.

        Raises:
            OSError: the file cannot be read.
            PermanentError: the file is no such document.
        """
        return cls(read_document(path))

    @property
    def kind(self) -> str:
        """`replicate`, `sweep`, `capacity`, `compare` or `sensitivity`."""
        return str(self.document["kind"])

    @property
    def answer(self) -> Document:
        """The section of this kind of experiment."""
        section: Document = self.document["comparison" if self.kind == "compare" else self.kind]
        return section

    @property
    def points(self) -> list[Document]:
        """What was simulated, point by point."""
        points: list[Document] = self.document["points"]
        return points

    @property
    def result(self) -> Result | None:
        """The result of all trials together, of replications alone."""
        return Result(self.document["result"]) if "result" in self.document else None

    def to_json(self) -> str:
        """The document as text; equal experiments give equal text."""
        return published(self.document).decode()

    def html(self) -> str:
        """The report as one page."""
        from headroom_analysis.report.experiments import render_html  # noqa: PLC0415 - matplotlib takes long to import

        return render_html(self.document)

    def write(self, path: str | Path) -> None:
        """Store it as its suffix says: `.json` (all of it), `.html` (report), `.parquet` (table).

        The file appears whole or not at all.

        Raises:
            PermanentError: the suffix is none of these.
            OSError: the file cannot be written.
        """
        target = Path(path)
        check_suffix(target)
        match target.suffix.lower():
            case ".json":
                write_text(target, self.to_json())
            case ".html":
                write_text(target, self.html())
            case _:
                from headroom_analysis.report.experiments import parquet  # noqa: PLC0415 - as above

                table = parquet(self.document)
                write_atomically(target, lambda file: _put(file, table))

    def plot(self, path: str | Path) -> None:
        """Draw the main plot into a file, `.png` or `.svg`.

        Raises:
            PermanentError: the suffix is none of these.
            OSError: the file cannot be written.
        """
        target = Path(path)
        check_suffix(target, PLOT_SUFFIXES, "plot")
        from headroom_analysis.report.experiments import plot  # noqa: PLC0415 - matplotlib takes long to import

        drawn = plot(self.document, target.suffix.lower())
        write_atomically(target, lambda file: _put(file, drawn))

    def __repr__(self) -> str:
        return f"<ExperimentResult {self.kind} of {self.document['name']}: {len(self.points)} points>"


def _put(file: Path, content: bytes) -> None:
    file.write_bytes(content)
