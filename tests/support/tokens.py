"""A token service as registries have them: per-repository policy, expiry, refresh tokens.

It signs RS256 with the certificate in `x5c`, as distribution wants it.
"""

import base64
import datetime as dt
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.support.faults import FaultServer, Reply, Seen, run_server

SERVICE = "podfit-test-registry"
ISSUER = "podfit-test-issuer"
_ALL = ["pull", "push", "delete"]


@dataclass
class TokenService:
    """What it grants may be changed while it runs.

    public: repositories that anyone may pull; the others belong to whoever is logged in.
    accounts: passwords by name. refresh_tokens: names by token. lifetime: seconds until the
    registry refuses a token. expires_in: what the answer says of it, None for nothing.
    """

    server: FaultServer
    bundle: Path
    key: rsa.RSAPrivateKey
    certificate: bytes
    public: set[str] = field(default_factory=set)
    accounts: dict[str, str] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    lifetime: int = 300
    expires_in: int | None = 300
    post_status: int = 200

    @property
    def realm(self) -> str:
        return f"http://{self.server.host}/token"

    @property
    def auth(self) -> dict[str, Any]:
        """The `auth` of a registry that trusts this service."""
        return {
            "token": {
                "realm": self.realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self.bundle),
            }
        }

    def pusher(self, repositories: Sequence[str]) -> dict[str, str]:
        """Headers with which everything may be done to these repositories."""
        access = [{"type": "repository", "name": name, "actions": _ALL} for name in repositories]
        return {"Authorization": f"Bearer {self.mint(access)}"}

    def mint(self, access: Sequence[dict[str, Any]]) -> str:
        now = int(time.time())
        header = {
            "typ": "JWT",
            "alg": "RS256",
            "x5c": [base64.b64encode(self.certificate).decode()],
        }
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": "",
            "jti": str(now),
            "iat": now + min(self.lifetime, 0),
            "nbf": now - 300,
            "exp": now + self.lifetime,
            "access": list(access),
        }
        signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"

    def answer(self, seen: Seen) -> Reply:
        if seen.method == "POST":
            return self._answer_post(seen)
        user = ""
        if basic := seen.headers.get("authorization"):
            user, _, password = (
                base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            )
            if self.accounts.get(user) != password:
                return Reply(401, b'{"details": "incorrect username or password"}')
        return self._grant(parse_qs(urlsplit(seen.path).query), user)

    def _answer_post(self, seen: Seen) -> Reply:
        if self.post_status != 200:
            return Reply(self.post_status, b"{}")
        form = parse_qs(seen.body.decode())
        user = self.refresh_tokens.get(form["refresh_token"][0])
        return self._grant(form, user) if user else Reply(401, b"{}")

    def _grant(self, asked: dict[str, list[str]], user: str) -> Reply:
        kind, name, actions = asked["scope"][0].split(":")
        allowed = name in self.public or bool(user)
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if allowed else []
        answer: dict[str, Any] = {"token": self.mint(access)}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        return Reply(200, json.dumps(answer).encode())


@contextmanager
def run_token_service(folder: Path) -> Iterator[TokenService]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _self_signed(key)
    bundle = folder / "token-ca.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    with run_server() as server:
        der = certificate.public_bytes(serialization.Encoding.DER)
        service = TokenService(server, bundle, key, der)
        server.handle("/token", service.answer)
        yield service


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
