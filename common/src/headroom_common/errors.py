"""The typed failures of Headroom: what went wrong, and what its reader can do next.

The class alone decides the machinery's answer: a transient error is tried again later, a permanent one goes
to the dead letters (in a service) or to the user (at the command line).
"""


class HeadroomError(Exception):
    """Base of every error that Headroom raises on purpose.

    Args:
        message: what went wrong; it names the field, what was expected and what was found.
        next_step: what the reader should do next, as a sentence; empty when the message says it already.

    Attributes:
        message: as given.
        next_step: as given.
    """

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return self.message


class TransientError(HeadroomError):
    """A failure that may pass: the same work is tried again later.

    Args:
        message: what went wrong.
        delay: seconds to wait before the next try; None leaves it to the retry policy's backoff.
        next_step: what the reader should do when it does not pass.

    Attributes:
        delay: as given.
    """

    def __init__(self, message: str, *, delay: float | None = None, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.delay = delay


class PermanentError(HeadroomError):
    """A failure that trying again cannot mend: a bad payload, an impossible scenario, a broken rule."""
