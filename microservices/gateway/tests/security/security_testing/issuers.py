"""A real OIDC issuer: its configuration and keys over HTTP, and the tokens that it signs."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from fastapi import FastAPI, Response
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from headroom_common.service.http import HttpServer, listen

AUDIENCE = "headroom"
SigningKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


def rsa_key(bits: int = 2048) -> RSAPrivateKey:
    """Return a new RSA key."""
    return new_rsa_key(public_exponent=65537, key_size=bits)


def ec_key() -> EllipticCurvePrivateKey:
    """Return a new key on P-256."""
    return new_ec_key(SECP256R1())


def ed_key() -> Ed25519PrivateKey:
    """Return a new Ed25519 key."""
    return Ed25519PrivateKey.generate()


@cache
def _first_key() -> RSAPrivateKey:
    return rsa_key()


def public_jwk(key: SigningKey, **more: object) -> dict[str, Any]:
    """Return the public half of a key, as an issuer publishes it."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        data = RSAAlgorithm.to_jwk(public, as_dict=True)  # type: ignore[arg-type] # the private half of it
    elif isinstance(key, EllipticCurvePrivateKey):
        data = ECAlgorithm.to_jwk(public, as_dict=True)  # type: ignore[arg-type] # as above
    else:
        data = OKPAlgorithm.to_jwk(public, as_dict=True)  # type: ignore[arg-type] # as above
    return {**data, **more}


def encoded(part: object) -> str:
    """Return a part of a token."""
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


class Issuer:
    """An issuer on a port of loopback.

    Attributes:
        url: its name, and where it answers.
        keys: what it publishes.
        fetches: how often its keys were asked for.
        asked: set when its keys are asked for.
        away: whether it answers with nothing but failures.
        slowness: seconds that it takes for an answer.
        claimed: the name that its configuration tells; None for its own.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.signing = _first_key()
        self.keys: list[Any] = [public_jwk(self.signing, kid="first", use="sig")]
        self.fetches = 0
        self.asked = asyncio.Event()
        self.away = False
        self.slowness = 0.0
        self.claimed: str | None = None
        self.app = self._app()

    def claims(self, **changes: object) -> dict[str, Any]:
        """Return the claims of a valid token; those that are changed to None are left out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "scope": "openid headroom:run",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        *,
        key: object = None,
        algorithm: str = "RS256",
        headers: dict[str, Any] | None = None,
        **changes: object,
    ) -> str:
        """Return a token; without changes a valid one."""
        signing: Any = self.signing if key is None else key
        return jwt.encode(
            self.claims(**changes), signing, algorithm, headers={"kid": "first", **(headers or {})}
        )

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def configuration(response: Response) -> dict[str, str]:
            if self.away:
                response.status_code = 503
            return {"issuer": self.claimed or self.url, "jwks_uri": f"{self.url}/keys"}

        @app.get("/keys")
        async def keys(response: Response) -> dict[str, Any]:
            self.fetches += 1
            self.asked.set()
            await asyncio.sleep(self.slowness)
            if self.away:
                response.status_code = 503
            return {"keys": self.keys}

        return app


@asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    """Give an issuer that answers."""
    socket = listen("127.0.0.1", 0)
    issuer = Issuer(socket.getsockname()[1])
    server = HttpServer(issuer.app, timeout=1)
    serving = asyncio.create_task(server.serve([socket]))
    try:
        yield issuer
    finally:
        server.should_exit = True
        await serving
        socket.close()
