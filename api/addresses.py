"""Which addresses the service itself may call, and calling them at the very address that was checked.

A name is resolved once: every address it has must be public, and the connection goes to one of them,
not to whatever the name means a moment later. Otherwise a name could lead into the service's own network.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import httpx

TIMEOUT = httpx.Timeout(10, connect=5)
MAX_ANSWER = 64_000
"""Bytes of an answer that are read before its connection is given up."""


class Refused(Exception):
    """The address must not be called; `code` says why in a word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_url(url: str, private: bool) -> str:
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
        found = socket.getaddrinfo(host, port or (443 if parts.scheme == "https" else 80), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused("unknown_host", "The host's name has no address") from None
    addresses = [str(address[4][0]) for address in found]
    if not private and not all(map(_is_public, addresses)):
        raise Refused("private_address", "The host's address is not a public one")
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return ip.is_global and inner.is_global and not ip.is_multicast


def post(url: str, content: bytes, headers: dict[str, str], private: bool) -> int:
    """POSTs to `url`; the answer's status. Follows no redirect, asks no proxy. Raises Refused and httpx.HTTPError."""
    address = check_url(url, private)
    target = httpx.URL(url)
    with (
        httpx.Client(trust_env=False, timeout=TIMEOUT) as client,
        client.stream(
            "POST",
            target.copy_with(host=address),
            content=content,
            # The name is still the one that is asked for and that the certificate is checked for.
            headers={**headers, "Host": target.netloc.decode()},
            extensions={"sni_hostname": target.host},
        ) as answer,
    ):
        read = 0
        for piece in answer.iter_raw():
            read += len(piece)
            if read > MAX_ANSWER:
                break
        return answer.status_code
