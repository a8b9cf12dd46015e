"""The command that brings a service's tables up to date before its instances start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from headroom_common.errors import TransientError
from headroom_common.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from headroom_common.database.migrations import Migrated

_PAUSE: Final = 1.0
_log = Log(__name__)


def migrate_in_time(migrate: Callable[[], Migrated], *, timeout: float) -> None:
    """Migrate a database, tried again while it is away; logs what was done.

    Args:
        migrate: does it, completely or not at all.
        timeout: seconds after which no further try begins.

    Raises:
        TransientError: the database did not answer in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            done = migrate()
        except TransientError as error:
            if time.monotonic() + _PAUSE > deadline:
                raise
            _log.warning("database away", reason=error.message)
            time.sleep(_PAUSE)
        else:
            break
    if done.before == done.after:
        _log.info("tables are up to date", revision=done.after)
    else:
        _log.info("tables migrated", before=done.before, after=done.after)
