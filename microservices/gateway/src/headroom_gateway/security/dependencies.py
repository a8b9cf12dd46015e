"""What routes ask for: somebody with a scope."""

from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from headroom_gateway.representations import Scope
from headroom_gateway.security.principals import Principal
from headroom_gateway.security.refusals import forbidden

_SCHEME: Final = HTTPBearer(description="An API key, or a token of the OIDC issuer that the gateway trusts.")


class Needs(SecurityBase):
    """A dependency that gives the principal of a request, and shows the credential in the OpenAPI document.

    Args:
        scope: what the principal has to be allowed.
    """

    def __init__(self, scope: Scope) -> None:
        self.model = _SCHEME
        self.scheme_name = "bearer"
        self._scope = scope

    async def __call__(self, request: Request) -> Principal:
        """Return the principal that the gate let in.

        Raises:
            ProblemError: it is not allowed this.
        """
        principal: Principal = request.state.principal
        if principal.allows(self._scope):
            return principal
        found = principal.scope.value
        raise forbidden(self._scope, f"The credential's scope: expected {self._scope.value}, found {found}.")


Reader = Annotated[Principal, Depends(Needs(Scope.READ))]
"""Somebody who may read."""

Runner = Annotated[Principal, Depends(Needs(Scope.RUN))]
"""Somebody who may have scenarios run."""

Admin = Annotated[Principal, Depends(Needs(Scope.ADMIN))]
"""Somebody who may do everything."""
