"""Plain counts of what an event manager did; metrics and tests read them."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What one event manager did since it was made.

    Attributes:
        received: deliveries taken in hand.
        handled: events handled, with their outputs confirmed.
        duplicates: copies dropped because the event had been handled.
        retried: events put off to a later attempt.
        dead_lettered: events given up.
        published: messages confirmed by the broker.
        refused: publishes and settlements that the broker did not take at once.
    """

    received: int = 0
    handled: int = 0
    duplicates: int = 0
    retried: int = 0
    dead_lettered: int = 0
    published: int = 0
    refused: int = 0
