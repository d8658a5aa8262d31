"""What is a whole Sigstore? Issuer, CA, CT log, both kinds of Rekor and a timestamp authority, wired on loopback."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from sandbox import trust
from sandbox.ca import CA
from sandbox.claims import Claims
from sandbox.ct import Form, SandboxCT
from sandbox.fulcio import SandboxFulcio, clock
from sandbox.oidc import SandboxOIDC
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.tsa_service import SandboxTSA
from sandbox.tuf import SandboxTUF

CLIENT_TRUST = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"


class WholeSigstore:
    """``with WholeSigstore(seed="mine") as sigstore: sigstore.token("me@corp.test")``.

    The services are its attributes (`oidc`, `fulcio`, `ct`, `tsa`, `rekor_v1`, `rekor_v2`, `tuf`), each with its own
    URL and its own ways to misbehave. With `seed` keys, serials and tokens are the same each time; `now` is everybody's
    clock; `user` is who logs in. With `port` the services stand at that port and the six after it.
    """

    def __init__(
        self,
        *,
        seed: str | None = None,
        now: Callable[[], float] = time.time,
        user: str = "tester@sandbox.test",
        ct_form: Form = "rfc6962",
        port: int = 0,
    ) -> None:
        self.now, self.user = now, user
        ports = [port and port + number for number in range(7)]
        self.ca = CA(seed=seed, now=clock(now))
        self.ct = SandboxCT(self.ca, form=ct_form, now=now, port=ports[2])
        self.oidc = SandboxOIDC(seed=seed, now=now, user=user, port=ports[0])
        self.fulcio = SandboxFulcio(
            self.ca, keys=lambda: self.oidc.keys, now=now, issuer=lambda: self.oidc.url, port=ports[1]
        )
        # A log is called as the host of its URL: from that verifiers know how its heads are signed.
        self.rekor_v1 = SandboxV1("127.0.0.1", ca=self.ca, seed=seed, now=now, port=ports[4])
        self.rekor_v2 = SandboxV2("localhost", ca=self.ca, seed=seed, now=now, port=ports[5])
        self.tsa = SandboxTSA(seed=seed, now=now, port=ports[3])
        self.tuf = SandboxTUF(seed=seed, now=now, port=ports[6])
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            for service in self.services:
                self._open.enter_context(service)
        except OSError:  # a port is taken
            self._open.close()
            raise
        self.rekor_v2.base_url = self.rekor_v2.url.replace("127.0.0.1", "localhost")
        self.publish_trust()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def services(self) -> tuple[SandboxOIDC, SandboxFulcio, SandboxCT, SandboxTSA, SandboxV1, SandboxV2, SandboxTUF]:
        """All of them, in the order in which a signature needs them."""
        return self.oidc, self.fulcio, self.ct, self.tsa, self.rekor_v1, self.rekor_v2, self.tuf

    def honest(self) -> None:
        """Let every service tell the truth again."""
        for service in self.services:
            service.honest()

    def forget(self) -> None:
        """Drop the records of what was asked: they would grow as long as it runs."""
        for service in self.services:
            service.requests.clear()

    # -- what a client needs -------------------------------------------------------------------------------------------

    def token(self, identity: str | Claims | None = None, *, issuer: str | None = None) -> str:
        """An identity token: for an e-mail address, a workflow's URI, any URI, or ready claims."""
        return self.oidc.token(identity, issuer=issuer)

    @property
    def urls(self) -> dict[str, str]:
        """Where everything is, by the name of the service."""
        return {
            "oidc": self.oidc.url,
            "fulcio": self.fulcio.url,
            "ct": self.ct.url,
            "rekor_v1": self.rekor_v1.base_url,
            "rekor_v2": self.rekor_v2.base_url,
            "tsa": self.tsa.timestamp_url,
            "tuf": self.tuf.url,
        }

    def publish_trust(self) -> None:
        """Let the TUF repository tell what is true now: after a key was rotated or a shard was added."""
        self.tuf.publish(
            {
                "trusted_root.json": self.trusted_root,
                "signing_config.v0.2.json": self.signing_config_for(1),
                "signing_config_rekor_v2.v0.2.json": self.signing_config_for(2),
            }
        )

    @property
    def trusted_root(self) -> bytes:
        """trusted_root.json of everything."""
        return trust.trusted_root(
            [*self.rekor_v1.tlog_members(), *self.rekor_v2.tlog_members()],
            [trust.ca_member(self.ca, self.fulcio.url)],
            [self.ct.member],
            [self.tsa.member],
        )

    @property
    def signing_config(self) -> bytes:
        """signing_config.v0.2.json with both kinds of Rekor: by the rules, clients take v2."""
        return self.signing_config_for(1, 2)

    def signing_config_for(self, *versions: int) -> bytes:
        """signing_config.v0.2.json with these major versions of Rekor."""
        urls = {1: self.rekor_v1.base_url, 2: self.rekor_v2.base_url}
        return trust.signing_config(
            [trust.service(urls[version], version) for version in versions],
            [trust.service(self.fulcio.url, 1)],
            [trust.service(self.oidc.url, 1)],
            [trust.service(self.tsa.timestamp_url, 1)],
        )

    def client_trust(self, *versions: int) -> bytes:
        """A ClientTrustConfig: trusted root and signing config (of these Rekor versions, or both) in one file."""
        config = self.signing_config_for(*versions) if versions else self.signing_config
        members: dict[str, Any] = {"mediaType": CLIENT_TRUST}
        members |= {"trustedRoot": json.loads(self.trusted_root), "signingConfig": json.loads(config)}
        return json.dumps(members, indent=1).encode() + b"\n"
