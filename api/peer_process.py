"""The process at the other end of a connection within this machine: told by Linux's kernel, not by the request.

A proxy may send any header, or none, and its clients choose most of them. What it cannot hide from the
kernel is whose process it is, and that it accepts connections from other machines.
"""

from __future__ import annotations

import os
import socket
import struct
from functools import lru_cache
from typing import NamedTuple

import psutil

from models.loopback import is_loopback

# Linux: linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST = 4, 20, 1
_HEADER = struct.Struct("=IHHII")
_OWNER = struct.Struct("=II")
_OWNER_AT = _HEADER.size + 4 + 48 + 12
"""Where an answer has the socket's user and inode: after two headers, its addresses and three counters."""
_ANY = 0xFFFFFFFF


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
        query = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, _ANY) + addresses
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(_HEADER.pack(_HEADER.size + len(query), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + query)
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
    for pid in sorted(psutil.pids(), reverse=True):  # who connects has often just begun
        try:
            directory = f"/proc/{pid}/fd"
            if any(os.readlink(f"{directory}/{number}") == name for number in os.listdir(directory)):  # noqa: PTH115, PTH208
                connections = psutil.Process(pid).net_connections("tcp")
                return any(c.status == psutil.CONN_LISTEN and not is_loopback(c.laddr.ip) for c in connections)
        except (OSError, psutil.Error):  # another user's, or it has ended
            continue
    return False
