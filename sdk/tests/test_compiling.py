import numba
import pytest

from headroom.cli.compiling import watching_compilation


def test_compilation_is_noticed_once_from_its_start_to_its_end() -> None:
    @numba.njit
    def inner(value: int) -> int:
        return value + 1

    @numba.njit
    def outer(value: int) -> int:
        return inner(value) * 2

    changes: list[bool] = []
    with watching_compilation(changes.append):
        assert outer(1) == 4
        first = list(changes)
        assert outer(2) == 6
    assert first == [True, False], "the inner kernel is compiled within the outer one"
    assert changes == first, "a compiled kernel is not compiled again"


def test_nobody_is_told_afterwards() -> None:
    @numba.njit
    def kernel(value: int) -> int:
        return value - 1

    changes: list[bool] = []
    with watching_compilation(changes.append):
        pass
    assert kernel(1) == 0
    assert changes == []


def test_a_kernel_that_does_not_compile_ends_the_phase(capsys: pytest.CaptureFixture[str]) -> None:
    @numba.njit
    def broken() -> int:
        return undefined_name  # type: ignore[name-defined]  # noqa: F821 - what makes it fail

    changes: list[bool] = []
    with watching_compilation(changes.append), pytest.raises(numba.TypingError):
        broken()
    assert changes == [True, False]
    assert capsys.readouterr().out == ""
