"""`headroom convert`: AsyncFlow's YAML as the equivalent Headroom scenario."""

import sys
from pathlib import Path

from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.guard import BAD_INPUT, PASS
from headroom.cli.loading import Source, load_or_complain
from headroom.writing import write_text
from headroom_common.scenario.writing import to_yaml


def execute(*, file: Path, output: Path | None) -> int:
    """Convert and return the exit status; a file that is Headroom's already is written out in full.

    Raises:
        OSError: the output cannot be written.
    """
    _, remarks = consoles()
    loaded = load_or_complain(Source(file), remarks)
    if loaded is None:
        return BAD_INPUT
    text = to_yaml(loaded.scenario)
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
        remarks.print(Text(f"wrote {output}", "dim"), soft_wrap=True)
    return PASS
