"""Logs of the embedded services: silent, because failures reach the caller as exceptions."""

import sys

from headroom_common import logs


def quiet_unless_configured() -> None:
    """Keep the services silent, unless this program has configured structlog for itself.

    Left alone, structlog would print every line on stdout, which belongs to the caller. A program that has
    not even imported it has not configured it.
    """
    structlog = sys.modules.get("structlog")
    logs.silence(silent=structlog is None or not structlog.is_configured())
