"""Settings of authentication, rate limits and limits of bodies."""

import re
from ipaddress import ip_address
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from headroom_common.event_manager.settings import Seconds
from headroom_common.service import Secret, ServiceSettings
from headroom_gateway.representations import Scope

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a key pair; what signs with a shared secret is not among them."""

SHORTEST_ADMIN_KEY: Final = 32
"""Characters that the admin key has at least."""

_LOCALHOST: Final = re.compile(r"([a-z0-9-]+\.)*localhost", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is reached from this machine alone."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return _LOCALHOST.fullmatch(host) is not None


def checked_url(url: str) -> str:
    """Return a URL that nobody on the way can change the answer of.

    Raises:
        ValueError: it is neither https nor on this machine.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or local) or parts.query or parts.fragment:
        msg = "expected https://host/path, or http:// on this machine"
        raise ValueError(msg)
    return url


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AuthenticationSettings(_Part):
    """Who is let in.

    Attributes:
        mode: ``on`` asks everybody for a credential; ``off`` nobody, and is possible only where HTTP listens
            on loopback; ``behind-loopback`` is off on any address, for a container whose port is published
            on a loopback address alone. None is on, except on loopback.
        admin_key: a key of scope admin, to make the first keys with; 32 characters at least.
        recheck: seconds for which a credential that was verified is not looked up again: so long a revoked
            key may still work.
    """

    mode: Literal["on", "off", "behind-loopback"] | None = None
    admin_key: Secret | None = None
    recheck: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 2.0

    @field_validator("admin_key")
    @classmethod
    def _admin_key_is_long(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(rf"[!-~]{{{SHORTEST_ADMIN_KEY},}}", key.get_secret_value()):
            msg = f"expected {SHORTEST_ADMIN_KEY} visible ASCII characters or more"
            raise ValueError(msg)
        return key


class OidcSettings(_Part):
    """Whose tokens are taken.

    Attributes:
        issuer: URL of the issuer, exactly as in the tokens' ``iss``.
        audience: who the tokens have to be for: their ``aud``.
        jwks_url: where the issuer's keys are; None asks its ``/.well-known/openid-configuration``.
        algorithms: signatures that are accepted.
        scope_claim: the claim with what the bearer may do: words in a text, or a list; a dotted path leads
            into objects, such as ``realm_access.roles``.
        scopes: what each word allows.
        leeway: seconds by which clocks may differ.
        jwks_cache: seconds after which the issuer's keys are fetched again.
        jwks_pause: seconds between two fetches at least, whatever tokens come.
        timeout: seconds that a fetch may take.
        max_token_bytes: longest token that is looked at.
    """

    issuer: str
    audience: Annotated[str, Field(min_length=1)]
    jwks_url: str | None = None
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "ES256", "EdDSA")
    scope_claim: Annotated[str, Field(min_length=1)] = "scope"
    scopes: dict[str, Scope] = {f"headroom:{scope}": scope for scope in Scope}
    leeway: Annotated[float, Field(ge=0, le=300)] = 30.0
    jwks_cache: Seconds = 300.0
    jwks_pause: Seconds = 10.0
    timeout: Seconds = 5.0
    max_token_bytes: Annotated[int, Field(ge=256, le=65_536)] = 8192

    _urls = field_validator("issuer", "jwks_url")(lambda url: url if url is None else checked_url(url))


class RateSettings(_Part):
    """How much one caller may ask.

    A caller is a principal; where authentication is off, an address. 0 is no limit.

    Attributes:
        reads_per_minute: GET requests of one caller.
        writes_per_minute: other requests of one caller.
        failures_per_minute: requests of one address that are refused for their credentials; after so many
            no credential from there is verified until the minute is over.
    """

    reads_per_minute: Annotated[int, Field(ge=0)] = 6000
    writes_per_minute: Annotated[int, Field(ge=0)] = 600
    failures_per_minute: Annotated[int, Field(ge=0)] = 60


class BodySettings(_Part):
    """What the body of a request may be.

    Attributes:
        max_bytes: its size at most.
        timeout: seconds in which all of it has to be there.
    """

    max_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    timeout: Seconds = 30.0


class SecuritySettings(ServiceSettings):
    """The part of the gateway's settings that keeps it safe.

    Attributes:
        authentication: who is let in.
        oidc: whose tokens are taken besides API keys; None takes none.
        rates: how much one caller may ask.
        bodies: what the body of a request may be.
        cors_origins: origins whose pages may call the interface from a browser, such as
            ``https://example.org``; ``*`` for all.
    """

    authentication: AuthenticationSettings = AuthenticationSettings()
    oidc: OidcSettings | None = None
    rates: RateSettings = RateSettings()
    bodies: BodySettings = BodySettings()
    cors_origins: tuple[str, ...] = ()

    @property
    def authenticated(self) -> bool:
        """Whether a credential is asked for."""
        return not _is_off(self.authentication, self.host)

    @field_validator("authentication")
    @classmethod
    def _off_on_loopback_only(
        cls, authentication: AuthenticationSettings, info: ValidationInfo
    ) -> AuthenticationSettings:
        host = info.data.get("host", "")
        if authentication.mode == "off" and not is_loopback(host):
            msg = (
                "mode: expected on, found off, where HTTP listens on more than this machine "
                f"(HEADROOM_HOST={host}); a container whose port is published on loopback alone takes "
                "behind-loopback"
            )
            raise ValueError(msg)
        return authentication

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        authentication = info.data.get("authentication")
        for origin in origins:
            parts = urlsplit(origin)
            sound = parts.scheme in {"http", "https"} and origin == f"{parts.scheme}://{parts.netloc}"
            if origin != "*" and not (sound and parts.hostname):
                msg = "expected origins such as https://example.org, without a path, or *"
                raise ValueError(msg)
            if (
                origin == "*"
                and authentication is not None
                and _is_off(authentication, info.data.get("host", ""))
            ):
                msg = "expected named origins where authentication is off, found *"
                raise ValueError(msg)
        return origins


def _is_off(authentication: AuthenticationSettings, host: str) -> bool:
    mode = authentication.mode
    return is_loopback(host) if mode is None else mode != "on"
