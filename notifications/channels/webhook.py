"""Machine to machine: Standard Webhooks, sent to the URL that the settings name, or to one that a party has.

The URL is not trusted: https only, no redirect is followed, and the name is resolved once and the connection made
to that very address, so that a name cannot point to our own network between the check and the call (SSRF).
"""

import ipaddress
import json
import socket
from collections.abc import Callable
from datetime import datetime

import httpx

from notifications import signing
from notifications.channels import Accepted, OutgoingMessage, Refused, Unknown
from notifications.channels.http import time_limits, unanswered, unwelcome

Resolve = Callable[[str, int], list[str]]


def resolve_host(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host. Raises OSError if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Webhook:
    """The channel "webhook". The receiver sees ids, the template and the text; a repeated id is a repetition.

    With a `url` of its own every party can be reached: all messages go there, with party and number, and the machine
    behind it knows what to do with them. Without one, a message goes to the URL that its party has.
    """

    is_keyed = True
    sends_receipts = False

    def __init__(
        self,
        client: httpx.Client,
        *,
        secret: str,
        now: Callable[[], datetime],
        url: str | None = None,
        allow_private: bool = False,
        resolve: Resolve = resolve_host,
    ) -> None:
        """`allow_private` permits plain http and addresses of one's own network (a demonstration's loopback)."""
        self._client = client
        self._secret = secret
        self._now = now
        self._url = url
        self._allow_private = allow_private
        self._resolve = resolve

    @property
    def needs_address(self) -> bool:
        """Whether a party must have a URL: only where the channel has none of its own."""
        return self._url is None

    def send(self, message: OutgoingMessage) -> Accepted | Refused | Unknown:
        """Send once. Any 2xx is acceptance; its id is our key."""
        address = message.to or self._url or ""
        pinned = self._pin(address)
        if isinstance(pinned, Refused):
            return pinned
        url, host = pinned
        body = _body(message, self._now())
        headers = signing.sign(self._secret, message_id=message.key, body=body, now=self._now())
        headers |= {"content-type": "application/json; charset=utf-8", "host": host}
        try:
            with self._client.stream(
                "POST",
                url,
                content=body,
                headers=headers,
                timeout=time_limits(message.timeout_seconds),
                follow_redirects=False,
                extensions={"sni_hostname": httpx.URL(address).host},
            ) as answer:  # the answer's body is never read: it could be endless
                return unwelcome(answer.status_code) or Accepted(message.key)
        except httpx.HTTPError as error:
            return unanswered(error)

    def _pin(self, address: str) -> tuple[httpx.URL, str] | Refused:
        """Return the URL with its host replaced by a checked IP address, and the Host header; or a refusal."""
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            return Refused("bad_url", permanent=True)
        if url.scheme not in (("https", "http") if self._allow_private else ("https",)) or not url.host:
            return Refused("bad_url", permanent=True)
        if url.userinfo:
            return Refused("bad_url", permanent=True)
        try:
            ips = self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        except OSError:
            return Refused("unreachable", detail="the name does not resolve")
        if not ips:
            return Refused("unreachable", detail="the name does not resolve")
        if not self._allow_private and not all(_is_public(ip) for ip in ips):
            return Refused("private_address", permanent=True)
        return url.copy_with(host=ips[0]), url.netloc.decode("ascii")


def _is_public(ip: str) -> bool:
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast


def _body(message: OutgoingMessage, now: datetime) -> bytes:
    return json.dumps(
        {
            "type": message.template,
            "timestamp": now.isoformat(),
            "data": {
                "id": message.key,
                "party": message.party,
                "phone": message.phone,
                "text": message.text,
                "parameters": dict(message.parameters),
                "language": message.language,
                "urgent": message.urgent,
            },
        },
        ensure_ascii=False,
    ).encode()
