"""A process that adds parts of a run to a store and says which are confirmed, until it is done or killed.

Arguments: the database's URL, the run's name, its trials, the segments of each, then ``trial,segment`` of
each part to add. It begins a part for each line that it is given.
"""

import sys

from analysis_testing.adding import Run
from headroom_analysis.storage import open_store


def main(url: str, name: str, trials: str, segments: str, *places: str) -> None:
    run = Run(int(trials), name)
    with open_store(url) as store:
        for place in places:
            sys.stdin.readline()
            trial, segment = (int(number) for number in place.split(","))
            run.add(store, (trial, segment, 0), segment, segments=int(segments))
            sys.stdout.write(f"{place}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
