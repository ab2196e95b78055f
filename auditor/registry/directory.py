"""`Hosts`: the registries and mirrors of a run, each met once."""

from __future__ import annotations

import threading
from dataclasses import replace

from auditor.registry.auth.authenticator import Authenticator
from auditor.registry.auth.credentials import Keychain
from auditor.registry.auth.tokens import TokenService
from auditor.registry.hosts import RegistryHost
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.redirects import Follower
from auditor.registry.network.sending import Sender
from auditor.registry.network.transport import Transport
from auditor.registry.options import RegistryOptions
from auditor.registry.remarks import Remarks


class Hosts:
    """Used from many threads."""

    def __init__(
        self, transport: Transport, options: RegistryOptions, keychain: Keychain, remarks: Remarks
    ) -> None:
        self._transport, self._options = transport, options
        self._keychain, self._remarks = keychain, remarks
        self._lock = threading.Lock()
        self._met: dict[Endpoint, RegistryHost] = {}

    def at(self, endpoint: Endpoint) -> RegistryHost:
        """The one at an endpoint, with what was learnt of it before."""
        with self._lock:
            if endpoint not in self._met:
                self._met[endpoint] = self._new(endpoint)
            return self._met[endpoint]

    def _new(self, endpoint: Endpoint) -> RegistryHost:
        options = _impatient(self._options) if endpoint.mirror_of else self._options
        follower = Follower(self._transport, endpoint, options)
        sender = Sender(follower, endpoint, options, self._remarks)
        tokens = TokenService(sender, endpoint.name, options.clock)
        authenticator = Authenticator(endpoint, self._keychain, tokens, options, self._remarks)
        return RegistryHost(endpoint, sender, tokens, authenticator)


def _impatient(options: RegistryOptions) -> RegistryOptions:
    """For a mirror: another can be asked, so a silent one must be noticed while there is time."""
    return replace(
        options,
        retries=min(options.retries, 1),
        read_timeout=min(options.read_timeout, options.mirror_timeout / 3),
    )
