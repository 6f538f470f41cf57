"""The process at the other end of a connection within this machine: told by Linux's kernel, not by the request.

A proxy may send any header, or none, and its clients choose most of them. What it cannot hide from the
kernel is whose process it is, and that it accepts connections from other machines.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import psutil

from models.loopback import is_loopback

# Linux: linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, net/tcp_states.h.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NLM_F_DUMP = 4, 20, 1, 0x300
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBBxI")
_OWNER = struct.Struct("=II")
_SOURCE_AT = _HEADER.size + 8
"""Where an answer has the socket's own address: after two headers and two ports."""
_OWNER_AT = _HEADER.size + 4 + 48 + 12
"""Where it has the socket's user and inode: after its addresses and three counters."""
_ANY = 0xFFFFFFFF
_LISTEN = 1 << 10
_NLMSG_ERROR = 2

_connected: deque[int] = deque(maxlen=16)
"""The processes that connected last: who connects often does so again."""


class Peer(NamedTuple):
    """The other end's socket. `inode` is 0 when no process has it any more; `uid` means nothing then."""

    uid: int
    inode: int


def find(client: tuple[str, int], server: tuple[str, int]) -> Peer | None:
    """The socket that is `client` of a TCP connection to `server`. None when this system does not tell."""
    try:
        family = socket.AF_INET6 if ":" in client[0] else socket.AF_INET
        ends = [socket.inet_pton(family, address).ljust(16, b"\0") for address in (client[0], server[0])]
        addresses = struct.pack("!HH", client[1], server[1]) + b"".join(ends) + struct.pack("=III", 0, _ANY, _ANY)
        with _kernel() as kernel:
            kernel.send(_request(_NLM_F_REQUEST, family, _ANY, addresses))
            answer = kernel.recv(4096)
    except (AttributeError, OSError):  # not Linux, or a sandbox that has no such sockets
        return None
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return Peer(0, 0)  # there is no such connection (any more)
    return Peer(*_OWNER.unpack_from(answer, _OWNER_AT))


@lru_cache(maxsize=4096)
def serves_others(inode: int) -> bool:
    """Whether the process that holds the socket accepts connections from other machines, as a proxy does.

    False when no process that this user may look into holds it. A connection keeps its inode, so that all its
    requests are looked up once.
    """
    name = f"socket:[{inode}]"
    newest_first = sorted(psutil.pids(), reverse=True)  # who connects has often just begun
    for pid in dict.fromkeys([*list(_connected), *newest_first]):
        held = _files_of(pid)
        if name in held:
            _connected.appendleft(pid)
            try:
                return bool(held & {f"socket:[{each}]" for each in _accepting_others()})
            except OSError:  # not known: it may
                return True
    return False


def _files_of(pid: int) -> set[str]:
    """What the process has open, as links; empty for another user's process and one that has ended."""
    found, directory = set(), f"/proc/{pid}/fd"
    try:
        for number in os.listdir(directory):  # noqa: PTH208
            with suppress(OSError):  # closed meanwhile
                found.add(os.readlink(f"{directory}/{number}"))  # noqa: PTH115
    except OSError:
        pass
    return found


def _accepting_others() -> set[int]:
    """The inodes of this machine's sockets that accept connections from other machines. Raises OSError."""
    found = set()
    for family, length in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        with _kernel() as kernel:
            kernel.send(_request(_NLM_F_REQUEST | _NLM_F_DUMP, family, _LISTEN, bytes(48)))
            more = True
            while more:
                answers, at = kernel.recv(1 << 16), 0
                while at < len(answers):
                    size, kind, *_ = _HEADER.unpack_from(answers, at)
                    if kind == _NLMSG_ERROR:
                        raise OSError("The kernel does not tell which sockets listen")
                    if more := kind == _SOCK_DIAG_BY_FAMILY:
                        address = answers[at + _SOURCE_AT : at + _SOURCE_AT + length]
                        if not is_loopback(socket.inet_ntop(family, address)):
                            found.add(_OWNER.unpack_from(answers, at + _OWNER_AT)[1])
                    at += (size + 3) & ~3
    return found


def _kernel() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    kernel.settimeout(1)
    return kernel


def _request(flags: int, family: int, states: int, addresses: bytes) -> bytes:
    query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, states)
    length = _HEADER.size + len(query) + len(addresses)
    return _HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, flags, 1, 0) + query + addresses
