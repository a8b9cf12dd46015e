"""From what happened to an exit status: every failure ends with a sentence and what to do next."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from rich.text import Text

from headroom.cli.consoles import consoles
from headroom_common.errors import HeadroomError

PASS, MISS, BAD_INPUT, FAILED, INTERRUPTED = 0, 1, 2, 3, 130


class BadInputError(HeadroomError):
    """What the user gave cannot be used; exit status 2."""


def guarded(execute: Callable[..., int], *, debug: bool, **arguments: Any) -> int:  # noqa: ANN401 - passed on
    """The exit status of `execute(**arguments)`, or that of its failure after having said what failed.

    Args:
        execute: carries out a command and returns its exit status.
        debug: print Python's traceback and the services' logs, too.
        arguments: what `execute` takes.
    """
    if debug:
        from headroom_common import telemetry  # noqa: PLC0415 - it takes longer to import than all else here

        telemetry.configure(log_format="console", level="info")
    try:
        return execute(**arguments)
    except KeyboardInterrupt:
        _, remarks = consoles()
        remarks.print(Text("Interrupted; files that were reported as written are complete."))
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has stopped; Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last line of defence: a user gets a sentence, not a traceback
        if debug:
            traceback.print_exception(error)
        _say(*_in_words(error))
        return BAD_INPUT if isinstance(error, BadInputError) else FAILED


def _in_words(error: Exception) -> tuple[str, str]:
    """What failed, and what to do next."""
    if isinstance(error, HeadroomError):
        return error.message, error.next_step
    if isinstance(error, OSError):
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return message, "Check that the path exists, that you may use it, and that the disk is not full."
    message = f"{type(error).__name__}: {error}"
    return message, "This is a fault of Headroom. Run again with --debug and report what it prints."


def _say(message: str, next_step: str) -> None:
    """Print a failure on stderr."""
    _, remarks = consoles()
    remarks.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    if next_step:
        remarks.print(Text(f"  → {next_step}", "dim"), soft_wrap=True)
