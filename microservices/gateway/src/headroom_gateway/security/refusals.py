"""How requests are refused for their credentials, as RFC 6750 has it."""

from http import HTTPStatus
from typing import Final

from headroom_common.service.problems import ProblemError
from headroom_gateway.representations import Scope

_CHALLENGE: Final = 'Bearer realm="headroom"'
_RETRY_AFTER_S: Final = 1


def unauthenticated(detail: str, *, shown: bool = True) -> ProblemError:
    """Return the refusal of a request whose credential is not valid.

    Args:
        detail: what is wrong with it.
        shown: whether there is one.
    """
    slug = "invalid-credential" if shown else "no-credential"
    challenge = f'{_CHALLENGE}, error="invalid_token"' if shown else _CHALLENGE
    return ProblemError(HTTPStatus.UNAUTHORIZED, slug, detail, headers={"WWW-Authenticate": challenge})


def forbidden(needed: Scope, detail: str) -> ProblemError:
    """Return the refusal of a request whose credential does not allow it.

    Args:
        needed: what it had to allow.
        detail: what was found.
    """
    challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{needed.value}"'
    headers = {"WWW-Authenticate": challenge}
    return ProblemError(HTTPStatus.FORBIDDEN, "insufficient-scope", detail, headers=headers)


def unverifiable() -> ProblemError:
    """Return the refusal of a request whose credential cannot be verified at this moment."""
    detail = "The credential cannot be verified now. Try again in a moment."
    headers = {"Retry-After": f"{_RETRY_AFTER_S}"}
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unverifiable", detail, headers=headers)
