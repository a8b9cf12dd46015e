"""Logs of the embedded services: silent, because failures reach the caller as exceptions."""

import logging

import structlog


def quiet_unless_configured() -> None:
    """Keep the services silent, unless this program has configured structlog for itself.

    Left alone, structlog would print every line on stdout, which belongs to the caller.
    """
    if not structlog.is_configured():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
