"""``make lint-kubernetes``: every combination of components renders, is valid, keeps to the policies."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from headroom_policies.rendering import RenderingError, render_all
from headroom_policies.rules import RULES, findings
from headroom_policies.validation import VERSIONS, Validation

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(target: Path) -> Iterator[str]:
    """Yield what is wrong with any combination; what was checked is told on standard output.

    Args:
        target: an empty folder to work in.

    Raises:
        RenderingError: one does not render.
    """
    validation, objects, combinations = Validation(), 0, 0
    for name, manifests in render_all(target):
        combinations += 1
        objects += len(manifests.objects)
        for found in [*validation.errors(manifests.objects), *findings(manifests)]:
            yield f"{name}: {found}"
    versions = " and ".join(VERSIONS)
    checked = f"{combinations} combinations, {objects} objects"
    sys.stdout.write(f"manifests: {checked}, {len(RULES)} policies, Kubernetes {versions}\n")


def main() -> int:
    """Check everything; return the exit status, 1 when anything was found."""
    with tempfile.TemporaryDirectory() as target:
        try:
            wrong = list(check(Path(target)))
        except RenderingError as error:
            wrong = [str(error)]
    sys.stderr.writelines(f"{found}\n" for found in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
