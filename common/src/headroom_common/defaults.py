"""Defaults that the command line, the Python API and the contracts share."""

from typing import Final

SEGMENT_ARRIVALS: Final = 122_880
"""Arrivals in one segment. Events have a price each, so segments are large; their completions still fit into
two parts of `requests.completed`, and every event into what a broker takes."""

REMOTE_SEGMENT_ARRIVALS: Final = 61_440
"""Arrivals in one segment where they cross a broker: events of 0.6 to 3 MiB, whose completions fit into one
part of `requests.completed`. Brokers like smaller ones, but an event costs every service milliseconds."""
