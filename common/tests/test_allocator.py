from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from headroom_common.allocator import keep_freed_memory

PROGRAM = """
    import resource
    import numpy as np
    from headroom_common.allocator import keep_freed_memory

    if {keep}:
        assert keep_freed_memory()
    for _ in range(3):
        [np.ones(300_000) for _ in range(8)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        [np.ones(300_000) for _ in range(8)]
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool) -> int:
    """Count the page faults of allocating and freeing the same memory again and again."""
    program = textwrap.dedent(PROGRAM.format(keep=keep))
    command = [sys.executable, "-c", program]
    env = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)  # noqa: S603 - our own program
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the setting is glibc's")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    assert faults(keep=True) * 20 < faults(keep=False)


def test_it_can_be_called_again_and_changes_no_result() -> None:
    assert keep_freed_memory() == keep_freed_memory()
    assert np.ones(1_000_000).sum() == 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
