"""What one seed does: which runs, on how many instances, under which faults."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from headroom_faults.damage import DAMAGES
from headroom_faults.variants import ENDLESS, VARIANTS

if TYPE_CHECKING:
    import random

SERVICES: Final = ("generator", "router", "server-model", "analysis", "gateway")

POISONED_TYPES: Final = (
    "headroom.run.requested.v1",
    "headroom.arrivals.generated.v1",
    "headroom.requests.routed.v1",
    "headroom.requests.completed.v1",
    "headroom.segment.simulated.v1",
)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a fault strikes: chances per step, message or call, and means in seconds of virtual time.

    Attributes:
        crash: a process dies at a step.
        cut: a connection breaks at a step.
        pause: a process halts at a step, for ``pause_seconds`` on average.
        lost_confirm: a message is taken, and its publisher never hears of it.
        refuse: the broker refuses a message though there is room.
        duplicate: a message is delivered twice without a reason.
        reorder: a message overtakes those before it.
        inbox: a call to the inbox fails, before or after it had its effect.
        database: a call to analysis' store fails, before or after its commit.
        storm: a fault of the whole platform per second; see ``storm.STORMS``.
    """

    crash: float = 0.0
    cut: float = 0.0
    pause: float = 0.0
    lost_confirm: float = 0.0
    refuse: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    inbox: float = 0.0
    database: float = 0.0
    storm: float = 0.0


CALM: Final = Rates()

_USUAL: Final = Rates(
    crash=0.004,
    cut=0.012,
    pause=0.02,
    lost_confirm=0.02,
    refuse=0.05,
    duplicate=0.02,
    reorder=0.5,
    inbox=0.05,
    database=0.03,
    storm=0.3,
)


@dataclass(frozen=True, slots=True)
class Poison:
    """A message of one run that nobody can read.

    Attributes:
        event_type: which type of message; the first one of its kind in trial 0.
        damage: name of what is done to it.
    """

    event_type: str
    damage: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A run is cancelled while it goes on, or just when it is over.

    Attributes:
        after: so many messages of the run.
        unheard: all processes that work for it die just before, and those after them have not heard of it.
    """

    after: int
    unheard: bool

    @classmethod
    def draw(cls, chance: random.Random) -> Cancellation:
        return cls(after=chance.randint(0, 60), unheard=chance.random() < 0.5)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is drawn before the first step.

    Attributes:
        variants: indices of the runs' variants, each once.
        poison: strikes the last run; None leaves it whole.
        cancellation: of the first run; None when it is not cancelled.
        window: trials of a run in flight.
        instances: by service: how many.
        queue_limit: messages that a queue holds. The queues are a ring: were they smaller than what is in
            flight, with the copies that faults make of it, each stage would wait for the next for ever.
        prefetch: deliveries in hand per subscription.
        latency: mean seconds that a message is on the wire.
        handling: mean seconds that handling takes.
        chaos: seconds until the faults stop, at the latest.
        rates: of the faults until then.
    """

    variants: tuple[int, ...]
    poison: Poison | None
    cancellation: Cancellation | None
    window: int
    instances: dict[str, int]
    queue_limit: int
    prefetch: int
    latency: float
    handling: float
    chaos: float
    rates: Rates

    @classmethod
    def draw(cls, chance: random.Random) -> Plan:
        runs = chance.choice([1, 2, 2, 3])
        poisoned, cancelled = runs > 1 and chance.random() < 0.3, chance.random() < 0.4
        variants = tuple(chance.sample(range(len(VARIANTS)), runs))
        if cancelled and chance.random() < 0.6:
            variants = (ENDLESS, *variants[1:])
        types = POISONED_TYPES[: -1 if poisoned and VARIANTS[variants[-1]].one_segment else None]
        return cls(
            variants=variants,
            poison=Poison(chance.choice(types), chance.choice(sorted(DAMAGES))) if poisoned else None,
            cancellation=Cancellation.draw(chance) if cancelled else None,
            window=chance.randint(1, 3),
            instances={service: chance.randint(1, 3) for service in SERVICES},
            queue_limit=chance.choice([10, 20, 50, 1000]),
            prefetch=chance.choice([1, 2, 4, 20]),
            latency=chance.choice([0.0005, 0.005, 0.05]),
            handling=chance.choice([0.0, 0.01, 0.1]),
            chaos=chance.choice([20.0, 60.0, 120.0]),
            rates=_rates(chance),
        )


def _rates(chance: random.Random) -> Rates:
    """Every fault is off in one seed of four, so that none always hides what another one does."""
    strength = chance.choice([0.3, 1.0, 1.0, 3.0])
    return Rates(
        **{
            field.name: getattr(_USUAL, field.name)
            * (0.0 if chance.random() < 0.25 else strength * chance.random())
            for field in fields(Rates)
        }
    )
