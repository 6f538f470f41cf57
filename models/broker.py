"""The broker's address: one spelling for people, two for the libraries that connect.

redis-py and kombu (Celery's transport) read different schemes, different words for the same option, and kombu does
not verify a certificate unless it is told to. So an address is read here, refused in a sentence if it means
something else to either, and written out for each of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

SCHEMES: Final = ("redis", "rediss", "unix", "redis+socket")
TLS_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
VERIFIED: Final = {"ssl_cert_reqs": ("required", "cert_required"), "ssl_check_hostname": ("true",)}
"""What TLS does anyway; the words are taken and nothing weaker is."""


@dataclass(frozen=True)
class BrokerAddress:
    """A Redis or Valkey: at `host` and `port`, by TLS if `tls` is set, or at the Unix socket `path`.

    `tls` holds the files of certificates that are named, `db` is the number of the database.
    """

    host: str = ""
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str = ""
    password: str = ""
    tls: tuple[tuple[str, str], ...] | None = None

    @property
    def redis_py(self) -> str:
        """As redis-py names it."""
        return f"unix://{self._user}{quote(self.path)}?db={self.db}" if self.path else self._tcp

    @property
    def kombu(self) -> str:
        """As kombu, and so Celery, names it."""
        return f"redis+socket://{self._user}{quote(self.path)}?virtual_host={self.db}" if self.path else self._tcp

    def __str__(self) -> str:
        """For people: without user and password."""
        if self.path:
            return f"unix://{self.path}"
        return f"{'redis' if self.tls is None else 'rediss'}://{self._host}:{self.port}/{self.db}"

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def _user(self) -> str:
        if not (self.username or self.password):
            return ""
        return quote(self.username, safe="") + (f":{quote(self.password, safe='')}" if self.password else "") + "@"

    @property
    def _tcp(self) -> str:
        if self.tls is None:
            return f"redis://{self._user}{self._host}:{self.port}/{self.db}"
        options = urlencode({"ssl_cert_reqs": "required", "ssl_check_hostname": "true", **dict(self.tls)})
        return f"rediss://{self._user}{self._host}:{self.port}/{self.db}?{options}"


def read_address(url: str) -> BrokerAddress:
    """The address that `url` names. Raises `ValueError` with a sentence that quotes no password."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError(f"must begin with {', '.join(f'{name}://' for name in SCHEMES[:-1])} or {SCHEMES[-1]}://")
    try:
        parts = urlsplit(f"{scheme.replace('+', '-')}{url[len(scheme) :]}")
        port = parts.port or 6379
    except ValueError:
        raise ValueError("has no valid port, or its password holds a character that must be percent-encoded") from None
    if parts.fragment:
        raise ValueError("holds a #: percent-encode it as %23 if it is part of a password")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    username = options.pop("username", unquote(parts.username or ""))
    password = options.pop("password", unquote(parts.password or ""))
    on_socket = scheme in ("unix", "redis+socket")
    path, db = (unquote(parts.path), "") if on_socket else ("", parts.path.strip("/"))
    db = options.pop("db", options.pop("virtual_host", db)).strip("/") or "0"
    if not (db.isascii() and db.isdecimal()):
        raise ValueError(f"names the database {db!r}, which is not a number")
    if on_socket and not (path.startswith("/") and path != "/" and not parts.hostname):
        raise ValueError(f"must name the socket by its whole path: {scheme}:///run/valkey.sock")
    if not on_socket and not parts.hostname:
        raise ValueError("names no host")
    tls = _read_tls(options) if scheme == "rediss" else None
    if options:
        known = ", ".join(("db", "username", "password", *VERIFIED, *TLS_FILES) if scheme == "rediss" else ("db",))
        raise ValueError(f"has the option {min(options)}, which is not one of {known}")
    return BrokerAddress(unquote(parts.hostname or ""), port, path, int(db), username, password, tls)


def _read_tls(options: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The files that are named; takes what it knows out of `options`."""
    for name, words in VERIFIED.items():
        if (value := options.pop(name, words[0])).lower() not in words:
            raise ValueError(
                f"has {name}={value}, and TLS without verification is not offered: "
                "name the certificate that signs the server's with ssl_ca_certs"
            )
    return tuple((name, options.pop(name)) for name in TLS_FILES if name in options)
