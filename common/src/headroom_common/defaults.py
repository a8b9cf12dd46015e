"""Defaults that the command line, the Python API and the contracts share."""

from typing import Final

SEGMENT_ARRIVALS: Final = 122_880
"""Arrivals in one segment. Events have a price each, so segments are large; their completions still fit into
two parts of `requests.completed`, and every event into what a broker takes."""

REMOTE_SEGMENT_ARRIVALS: Final = 32_768
"""Arrivals in one segment where they cross a broker: events stay near the size that it carries fastest."""
