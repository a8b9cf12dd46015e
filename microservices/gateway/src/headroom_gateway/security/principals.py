"""Who asks, and what they may do."""

from dataclasses import dataclass
from typing import Final

from headroom_gateway.representations import Scope

_ORDER: Final = tuple(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has shown who they are.

    Attributes:
        name: ``key:<id>`` of an API key, ``oidc:<subject>`` of a token, ``local`` without authentication.
        scope: what they may do.
    """

    name: str
    scope: Scope

    def allows(self, needed: Scope) -> bool:
        """Return whether the scope covers the needed one."""
        return _ORDER.index(self.scope) >= _ORDER.index(needed)


LOCAL: Final = Principal("local", Scope.ADMIN)
"""Everybody, where authentication is off."""
