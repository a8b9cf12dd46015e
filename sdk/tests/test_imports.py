"""Imports without the collector."""

import gc

import pytest

from headroom.cli.imports import many_imports


def test_the_collector_rests_and_works_again() -> None:
    assert gc.isenabled()
    with many_imports():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_works_again_after_a_failure() -> None:
    with pytest.raises(ImportError), many_imports():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with many_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
