"""Tokens of a real issuer, and what is tried in their place."""

import asyncio
import time
import warnings
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from security_testing.clocks import HandClock
from security_testing.issuers import (
    AUDIENCE,
    Issuer,
    SigningKey,
    ec_key,
    ed_key,
    encoded,
    public_jwk,
    rsa_key,
    running_issuer,
)
from security_testing.verifying import Verifying, refused

from headroom_common.service.problems import ProblemError
from headroom_gateway.representations import Scope
from headroom_gateway.security.settings import OidcSettings
from headroom_gateway.security.tokens import OidcTokens


async def test_a_valid_token_names_its_bearer(issuer: Issuer, verifying: Verifying) -> None:
    verified = await verifying.by().verify(issuer.token())
    assert (verified.principal.name, verified.principal.scope) == ("oidc:ada", Scope.RUN)
    assert verified.until is not None
    assert 600 < verified.until.timestamp() - time.time() < 631  # with the leeway


async def test_the_keys_may_be_found_without_the_configuration(issuer: Issuer, verifying: Verifying) -> None:
    issuer.claimed = "https://somebody.else"
    with pytest.raises(ProblemError, match="cannot be verified now"):
        await verifying.by().verify(issuer.token())
    await verifying.by(jwks_url=f"{issuer.url}/keys").verify(issuer.token())


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("ES256", ec_key()), ("EdDSA", ed_key()), ("PS256", rsa_key()), ("RS512", rsa_key())],
)
async def test_other_signatures_are_verified(
    issuer: Issuer, verifying: Verifying, algorithm: str, key: SigningKey
) -> None:
    issuer.keys.append(public_jwk(key, kid="other"))
    token = issuer.token(key=key, algorithm=algorithm, headers={"kid": "other"})
    verified = await verifying.by(algorithms=[algorithm]).verify(token)
    assert verified.principal.name == "oidc:ada"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exp": -60}, "exp: the token has expired"),
        ({"exp": None}, "exp: expected"),
        ({"exp": "soon"}, "well-formed"),
        ({"exp": float("inf")}, "well-formed"),
        ({"nbf": 300}, "not valid yet"),
        ({"iat": 300}, "not valid yet"),
        ({"iss": "https://somebody.else"}, "iss: expected the issuer"),
        ({"iss": None}, "iss: expected"),
        ({"aud": "another-service"}, "aud: expected the audience"),
        ({"aud": ["another-service"]}, "aud: expected the audience"),
        ({"aud": None}, "aud: expected"),
        ({"sub": None}, "sub: expected"),
        ({"sub": ""}, "sub: expected 1 to 250"),
        ({"sub": "x" * 251}, "sub: expected 1 to 250"),
        ({"sub": "ada\nroot"}, "sub: expected 1 to 250 printable"),
    ],
)
async def test_each_claim_is_checked(
    issuer: Issuer, verifying: Verifying, changes: dict[str, Any], told: str
) -> None:
    # Whole numbers are seconds from now, which is not when the tests were collected.
    now = int(time.time())
    claims = {name: now + value if type(value) is int else value for name, value in changes.items()}
    refusal = await refused(verifying.by(), issuer.token(**claims))
    assert (refusal.status_code, refusal.slug) == (401, "invalid-credential")
    assert told in refusal.detail
    assert refusal.headers is not None
    assert refusal.headers["WWW-Authenticate"] == 'Bearer realm="headroom", error="invalid_token"'


async def test_clocks_may_differ_by_the_leeway(issuer: Issuer, verifying: Verifying) -> None:
    late = issuer.token(exp=int(time.time()) - 10)
    await verifying.by(leeway=30).verify(late)
    assert "expired" in (await refused(verifying.by(leeway=0), late)).detail


async def test_a_very_far_end_is_no_error(issuer: Issuer, verifying: Verifying) -> None:
    verified = await verifying.by().verify(issuer.token(exp=10**15))
    assert verified.until is not None
    assert verified.until.timestamp() < time.time() + 2 * 86_400


async def test_a_token_signed_by_somebody_else_is_refused(issuer: Issuer, verifying: Verifying) -> None:
    refusal = await refused(verifying.by(), issuer.token(key=rsa_key()))
    assert "its signature is wrong" in refusal.detail


async def test_a_changed_token_is_refused(issuer: Issuer, verifying: Verifying) -> None:
    header, _, signature = issuer.token().split(".")
    forged = ".".join([header, encoded(issuer.claims(scope="headroom:admin")), signature])
    assert "its signature is wrong" in (await refused(verifying.by(), forged)).detail


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
async def test_no_token_goes_unsigned(issuer: Issuer, verifying: Verifying, algorithm: str) -> None:
    header = encoded({"alg": algorithm, "typ": "JWT", "kid": "first"})
    for signature in ("", "eHh4"):
        forged = f"{header}.{encoded(issuer.claims())}.{signature}"
        assert "alg: expected RS256, ES256, EdDSA" in (await refused(verifying.by(), forged)).detail


async def test_the_public_key_is_no_shared_secret(issuer: Issuer, verifying: Verifying) -> None:
    # Whoever takes the algorithm from the token verifies this with what everybody knows.
    public = issuer.signing.public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ]
    for secret in secrets:
        signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        signed = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(issuer.claims())}"
        forged = f"{signed}.{encoded(signer.sign(signed.encode(), secret))}"
        assert "alg: expected" in (await refused(verifying.by(), forged)).detail


async def test_a_key_verifies_its_own_kind_of_signature_alone(issuer: Issuer, verifying: Verifying) -> None:
    token = issuer.token(key=ec_key(), algorithm="ES256")  # under the name of the RSA key
    assert "found an unknown key" in (await refused(verifying.by(), token)).detail
    issuer.keys[0]["alg"] = "RS512"
    assert "found an unknown key" in (await refused(verifying.by(), issuer.token())).detail


async def test_shared_secrets_and_keys_for_other_uses_are_not_taken(
    issuer: Issuer, verifying: Verifying
) -> None:
    weak, other = rsa_key(1024), rsa_key()
    issuer.keys += [
        {"kty": "oct", "kid": "shared", "k": encoded(b"x" * 32)},
        public_jwk(weak, kid="weak"),
        public_jwk(other, kid="encrypting", use="enc"),
        public_jwk(other, kid="signing", key_ops=["sign"]),
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "kid": "empty"},
        "no key at all",
        None,
    ]
    tokens = verifying.by()
    await tokens.verify(issuer.token())
    for name, key in [("weak", weak), ("encrypting", other), ("signing", other), ("broken", other)]:
        with warnings.catch_warnings(action="ignore", category=jwt.InsecureKeyLengthWarning):
            token = issuer.token(key=key, headers={"kid": name})
        assert "found an unknown key" in (await refused(tokens, token)).detail


async def test_addresses_of_keys_in_tokens_are_not_followed(issuer: Issuer, verifying: Verifying) -> None:
    async with running_issuer() as attacker:
        attacker.signing = rsa_key()
        mine = public_jwk(attacker.signing, kid="first")
        attacker.keys = [mine]
        headers = {"jku": f"{attacker.url}/keys", "x5u": f"{attacker.url}/keys", "jwk": mine}
        token = issuer.token(key=attacker.signing, headers=headers)
        assert "its signature is wrong" in (await refused(verifying.by(), token)).detail
        assert attacker.fetches == 0


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "' OR 1=1 --", "first\x00", "x" * 4000, "", 7, ["first"], {}]
)
async def test_odd_names_of_keys_are_unknown(issuer: Issuer, verifying: Verifying, name: object) -> None:
    header = encoded({"alg": "RS256", "kid": name})
    _, claims, signature = issuer.token().split(".")
    assert (await refused(verifying.by(), f"{header}.{claims}.{signature}")).status_code == 401


async def test_a_token_without_a_key_name_takes_the_only_key(issuer: Issuer, verifying: Verifying) -> None:
    token = jwt.encode(issuer.claims(), issuer.signing, "RS256")
    await verifying.by().verify(token)
    issuer.keys.append(public_jwk(rsa_key(), kid="second"))
    assert "found an unknown key" in (await refused(verifying.by(), token)).detail


async def test_critical_extensions_that_nobody_knows_are_refused(
    issuer: Issuer, verifying: Verifying
) -> None:
    token = issuer.token(headers={"crit": ["exp"], "exp": 0})
    assert (await refused(verifying.by(), token)).status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c",
        "..",
        ".",
        "é.é.é",
        encoded(b"[" * 4000) + ".e30.x",
        encoded(b'{"alg":' + b"[" * 3000) + ".e30.x",
        encoded(b'{"alg":' + b"9" * 5000 + b"}") + ".e30.x",
        encoded([]) + ".e30.x",
        encoded({"alg": ["RS256"]}) + ".e30.x",
        encoded({"alg": {}}) + ".e30.x",
    ],
)
async def test_what_is_no_token_is_refused(verifying: Verifying, token: str) -> None:
    assert (await refused(verifying.by(), token)).status_code == 401


async def test_long_tokens_are_not_looked_at(issuer: Issuer, verifying: Verifying) -> None:
    token = issuer.token(roles=["x" * 100] * 100)
    assert "expected at most 8192 bytes, found" in (await refused(verifying.by(), token)).detail


NOBODYS = OidcTokens.open(OidcSettings(issuer="https://nowhere.invalid", audience=AUDIENCE), HandClock())
PARTS = st.lists(st.binary(max_size=60).map(encoded), min_size=3, max_size=3).map(".".join)


@given(st.text(max_size=300) | PARTS)
def test_no_text_crashes_it(token: str) -> None:
    with pytest.raises(ProblemError) as caught:
        asyncio.run(NOBODYS.verify(token))
    assert caught.value.status_code == 401


@pytest.mark.parametrize(
    ("claims", "scope"),
    [
        ({"scope": "headroom:read"}, Scope.READ),
        ({"scope": "openid headroom:admin headroom:read"}, Scope.ADMIN),
        ({"scope": ["headroom:run", 7, None, {}]}, Scope.RUN),
    ],
)
async def test_the_widest_known_word_is_the_scope(
    issuer: Issuer, verifying: Verifying, claims: dict[str, Any], scope: Scope
) -> None:
    assert (await verifying.by().verify(issuer.token(**claims))).principal.scope is scope


@pytest.mark.parametrize(
    "claim", [None, "", "openid", "HEADROOM:ADMIN", 7, ["openid"], {"headroom:admin": 1}]
)
async def test_a_bearer_without_a_known_word_may_nothing(
    issuer: Issuer, verifying: Verifying, claim: object
) -> None:
    refusal = await refused(verifying.by(), issuer.token(scope=claim))
    assert (refusal.status_code, refusal.slug) == (403, "insufficient-scope")
    assert "headroom:read, headroom:run, headroom:admin" in refusal.detail


async def test_words_may_stand_in_other_claims(issuer: Issuer, verifying: Verifying) -> None:
    keycloak = verifying.by(scope_claim="realm_access.roles", scopes={"operators": "admin"})
    token = issuer.token(realm_access={"roles": ["users", "operators"]})
    assert (await keycloak.verify(token)).principal.scope is Scope.ADMIN
    named = verifying.by(scope_claim="https://example.org/roles", scopes={"staff": "read"})
    token = issuer.token(**{"https://example.org/roles": "staff"})
    assert (await named.verify(token)).principal.scope is Scope.READ
