"""Which addresses the service itself may call, and calling them at the very address that was checked.

A name is resolved once: every address it has must be public, and the connection goes to one of them,
not to whatever the name means a moment later. Otherwise a name could lead into the service's own network.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import httpx

CALL_SECONDS = 10.0
"""For a whole call: resolving the name, connecting, TLS, sending, and the answer to its end."""
LOOKUP_SECONDS = 5.0
MAX_ANSWER = 64_000
"""Bytes of an answer's body that are waited for."""

GLOBAL_UNICAST = IPv6Network("2000::/3")
WELL_KNOWN_NAT64 = IPv6Network("64:ff9b::/96")
SPECIAL_V4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
"""IANA's special-purpose and multicast registries: what no public host has. Python's `is_global` differs by version."""
SPECIAL_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Of the global unicast addresses: protocol assignments with Teredo and ORCHID, documentation (twice), 6to4."""
ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address (RFC 5214) whose last quarter is an IPv4 address."""


class Refused(Exception):
    """The address must not be called; `code` says why in a word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def check_url(url: str, private: bool) -> str:
    """The IP address to call `url` at. With `private`, any; else only public ones, over https. Raises Refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("invalid_url", "This is not a URL") from None
    if parts.scheme not in ("https", "http") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("invalid_url", "Give an https URL")
    if parts.username is not None or parts.password is not None:
        raise Refused("invalid_url", "The URL may hold no user and no password")
    if parts.scheme == "http" and not private:
        raise Refused("insecure_url", "Only https is called")
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            addresses = await _look_up(host, port or (443 if parts.scheme == "https" else 80))
    except (OSError, UnicodeError):  # and TimeoutError, which is an OSError
        raise Refused("unknown_host", "The host's name has no address") from None
    if not private and not all(map(is_public, addresses)):
        raise Refused("private_address", "The host's address is not a public one")
    return addresses[0]


async def _look_up(host: str, port: int) -> list[str]:
    """The host's addresses. Raises OSError and UnicodeError.

    A thread of its own for each: a name server that does not answer holds up no other lookup, nor
    the end of the process.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(addresses: list[str], error: Exception | None) -> None:
        if not found.done():
            found.set_exception(error) if error else found.set_result(addresses)

    def look() -> None:
        addresses, error = [], None
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(answer[4][0]) for answer in answers]
        except (OSError, UnicodeError) as failure:
            error = failure
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, addresses, error)

    threading.Thread(target=look, name="lookup", daemon=True).start()
    return await found


def is_public(address: str) -> bool:
    """Whether the IP address is one that a host on the public Internet may have, in whichever form it is written.

    IPv6 addresses that stand for an IPv4 address count as that: mapped ones, NAT64's, and ISATAP's of
    any network. The other forms (compatible, translated, 6to4, Teredo, a network's own NAT64) are not
    global unicast addresses, or are special ones, and are refused altogether.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        last = IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.ipv4_mapped or ip in WELL_KNOWN_NAT64:
            return is_public(str(last))
        if ip not in GLOBAL_UNICAST or any(ip in network for network in SPECIAL_V6):
            return False
        return (int(ip) >> 32) & 0xFFFFFFFF not in ISATAP or is_public(str(last))
    return not any(ip in network for network in SPECIAL_V4)


class Caller:
    """POSTs to addresses that may be called. Belongs to one event loop; `close` ends it."""

    def __init__(self, private: bool) -> None:
        self._private = private
        # A connection for each call: one that was made for another name's certificate must not be used again.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(trust_env=False, timeout=None, limits=limits)

    async def post(self, url: str, content: bytes, headers: dict[str, str]) -> int:
        """The answer's status. Follows no redirect, asks no proxy.

        Raises Refused, TimeoutError if all of it takes longer than CALL_SECONDS, and httpx.HTTPError.
        """
        async with asyncio.timeout(CALL_SECONDS):
            address = await check_url(url, self._private)
            target = httpx.URL(url)
            async with self._client.stream(
                "POST",
                target.copy_with(host=address),
                content=content,
                # The name is still the one that is asked for and that the certificate is checked for.
                headers={**headers, "Host": target.netloc.decode()},
                extensions={"sni_hostname": target.host},
            ) as answer:
                read = 0
                async for piece in answer.aiter_raw():
                    read += len(piece)
                    if read > MAX_ANSWER:
                        break
                return answer.status_code

    async def close(self) -> None:
        """Closes what is open."""
        await self._client.aclose()
