"""A real nginx between a client and the service."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
from pathlib import Path

import httpx

from tests.servers import Process, free_port, wait_for

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
"""The system's nginx; None when it has none."""


def _group(user: str) -> str:
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


class Nginx(Process):
    """An nginx for everybody who reaches this machine, with its files in `directory`; `server` is in its server block.

    Started as root it works as `user`, otherwise as who started it.
    """

    def __init__(self, directory: Path, server: str, user: str = "nobody") -> None:
        assert NGINX is not None, "there is no nginx: install it by the system's package manager"
        directory.mkdir(exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)
        config = directory / "nginx.conf"
        config.write_text(
            f"daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log;"
            + (f" user {user} {_group(user)};" if os.getuid() == 0 else "")
            + f"\nevents {{}}\nhttp {{ access_log off; {folders}\n  server {{ listen {self.port}; {server} }} }}\n"
        )
        super().__init__(
            [NGINX, "-p", str(directory), "-e", f"{directory}/error.log", "-c", str(config)], directory / "out.log"
        )
        wait_for("nginx", self._answers)

    def _answers(self) -> bool:
        assert self.popen.poll() is None, (self.log.parent / "error.log").read_text()
        with contextlib.suppress(httpx.TransportError):
            return bool(httpx.get(self.url, trust_env=False).status_code)
        return False
