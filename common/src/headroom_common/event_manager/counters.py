"""Plain counts of what an event manager did; metrics and tests read them."""

from dataclasses import dataclass, field

from headroom_common.event_manager.handling import Outcome


@dataclass(slots=True)
class Counters:
    """What one event manager did since it was made.

    Attributes:
        received: deliveries taken in hand.
        handled: events handled, with their outputs confirmed.
        duplicates: copies dropped because the event had been handled.
        unwanted: events dropped because their run is cancelled.
        retried: events put off to a later attempt.
        dead_lettered: events given up.
        published: messages confirmed by the broker.
        published_by_type: the same, by the type of their events.
        refused: publishes and settlements that the broker did not take at once.
    """

    received: int = 0
    handled: int = 0
    duplicates: int = 0
    unwanted: int = 0
    retried: int = 0
    dead_lettered: int = 0
    published: int = 0
    published_by_type: dict[str, int] = field(default_factory=dict)
    refused: int = 0

    def count_acknowledged(self, outcome: Outcome) -> None:
        """Count one delivery that is done with."""
        match outcome:
            case Outcome.HANDLED:
                self.handled += 1
            case Outcome.DUPLICATE:
                self.duplicates += 1
            case Outcome.UNWANTED:
                self.unwanted += 1

    def count_published(self, event_type: str) -> None:
        """Count one message of this type that the broker confirmed."""
        self.published += 1
        self.published_by_type[event_type] = self.published_by_type.get(event_type, 0) + 1
