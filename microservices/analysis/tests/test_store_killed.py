"""Kill -9 of instances and of the database in the midst of work: nothing is lost, and all counts once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from analysis_testing.adding import ROWS, Run, document_of
from headroom_servers.postgres import Postgres
from headroom_servers.processes import START_DEADLINE, wait_until

from headroom_analysis.storage import SqlStore, open_store
from headroom_analysis.store import MemoryStore
from headroom_common.errors import TransientError

if TYPE_CHECKING:
    from headroom_analysis.store import PartialStore

TRIALS, SEGMENTS = 3, 20
PLACES = [(trial, segment) for segment in range(SEGMENTS) for trial in range(TRIALS)]

Part = tuple[int, int]


def documents(store: PartialStore, run: Run) -> list[dict[str, object]]:
    """Add every part once more; return the result document as often as a part reports it."""
    standings = [run.add(store, (trial, segment, 0), segment, segments=SEGMENTS) for trial, segment in PLACES]
    assert standings[-1].requests == len(PLACES) * ROWS
    return [document_of(one.finished, run) for one in standings if one.finished is not None]


def expected(run: Run) -> dict[str, object]:
    (document,) = documents(MemoryStore(), run)
    return document


def start_adder(database: str, name: str, places: list[Part]) -> subprocess.Popen[str]:
    script = Path(__file__).parent / "analysis_testing" / "adder.py"
    arguments = [database, name, str(TRIALS), str(SEGMENTS), *(f"{t},{s}" for t, s in places)]
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
    )


def kill_while_adding(adder: subprocess.Popen[str], after: int, pause: float) -> set[Part]:
    """Kill an adder some seconds after it confirmed so many parts and began one more; return those."""
    assert adder.stdin is not None
    assert adder.stdout is not None
    adder.stdin.write("\n" * (after + 1))
    adder.stdin.flush()
    lines = [adder.stdout.readline() for _ in range(after)]
    time.sleep(pause)
    adder.kill()
    lines += adder.stdout.readlines()
    adder.wait()
    adder.stdin.close()
    adder.stdout.close()
    return {as_part(line) for line in lines if line.endswith("\n")}


def as_part(line: str) -> Part:
    trial, segment = line.split(",")
    return int(trial), int(segment)


def test_killed_instances_lose_nothing(database: str) -> None:
    rng = random.Random(7)  # noqa: S311 - repeatable kills
    run, kills = Run(TRIALS, "killed instances"), 6
    left = list(PLACES)
    confirmed: set[Part] = set()
    for _ in range(kills // 2):
        adders = [start_adder(database, "killed instances", left[half::2]) for half in range(2)]
        instants = [(rng.randrange(1, 6), rng.uniform(0, 0.005)) for _ in adders]
        with ThreadPoolExecutor(2) as pool:
            for parts in pool.map(lambda one, at: kill_while_adding(one, *at), adders, instants):
                confirmed |= parts
        left = [place for place in PLACES if place not in confirmed]
    with open_store(database) as store:
        known = sum_of_requests(store, run)
        assert len(confirmed) * ROWS <= known <= (len(confirmed) + kills) * ROWS
        assert documents(store, run) == [expected(run)]


def sum_of_requests(store: SqlStore, run: Run) -> int:
    """How many requests the store knows of a run, by a part that it has."""
    trial, segment = PLACES[0]
    return add_patiently(store, run, (trial, segment))


def add_patiently(store: SqlStore, run: Run, place: Part) -> int:
    """Add a part, again and again while the database is away; return the run's requests."""
    deadline = time.monotonic() + START_DEADLINE
    while True:
        try:
            return run.add(store, (*place, 0), place[1], segments=SEGMENTS).requests
        except TransientError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_killed_database_loses_nothing() -> None:
    run = Run(TRIALS, "killed database")
    confirmed: list[Part] = []

    def work(store: SqlStore, places: list[Part]) -> None:
        for place in places:
            add_patiently(store, run, place)
            confirmed.append(place)

    with (
        Postgres(durable=True) as server,
        open_store(server.create_database("analysis")) as store,
        ThreadPoolExecutor(2) as pool,
    ):
        halves = [pool.submit(work, store, PLACES[half::2]) for half in range(2)]
        for kill in range(3):
            enough = len(PLACES) * (kill + 1) // 5
            wait_until(lambda enough=enough: len(confirmed) >= enough, what="parts added")
            server.kill()
            before = len(confirmed)
            server.start()
            assert sum_of_requests(store, run) >= before * ROWS
        for half in halves:
            half.result()
        assert documents(store, run) == [expected(run)]
