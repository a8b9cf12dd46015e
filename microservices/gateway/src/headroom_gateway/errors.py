"""What a request can be refused for, apart from the shells' status codes."""

from headroom_common.errors import PermanentError, TransientError


class NotFoundError(PermanentError):
    """There is no such thing."""


class ConflictError(PermanentError):
    """The thing is not in a state for this."""


class NoResultError(ConflictError):
    """The run has no result, or not yet."""


class ReusedKeyError(PermanentError):
    """An idempotency key came with another request before."""


class TooLargeError(PermanentError):
    """The run would simulate more than is allowed."""


class TooManyRunsError(TransientError):
    """The caller has as many runs under way as are allowed."""


class TooManyFollowersError(TransientError):
    """As many clients follow runs here as are allowed."""
