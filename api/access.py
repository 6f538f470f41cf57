"""Who calls, and what they may see: the one dependency of every route that touches a job."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session, selectinload

from api import limits, peer_process
from models import keys
from models.database import Database
from models.errors import NotFound, OckhamError
from models.loopback import is_loopback
from models.scopes import Scope
from models.tables import Comparison, Job, Run, StoredDataset, Webhook

F = TypeVar("F", Webhook, StoredDataset, Comparison)

bearer = HTTPBearer(
    auto_error=False, description="A key made by `ockham keys create`; none is needed where none was ever made"
)


_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9a-zA-Z.-]+)(?::([0-9]{1,5}))?")
_OF_PROXIES = frozenset({"forwarded", "via", "x-real-ip"})
_INVALID = "The key is unknown, expired or revoked"
_SEND_A_KEY = "Send a key: `Authorization: Bearer ...`"
_MAKE_A_KEY = "`ockham keys create` makes a key"


class Unauthorized(OckhamError):
    """No key, or none that is valid."""

    status, code, title = 401, "unauthorized", "A valid key is needed"

    def __init__(self, detail: str, error: str = "") -> None:
        challenge = 'Bearer realm="ockham"' + (f', error="{error}"' if error else "")
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class Forbidden(OckhamError):
    """The key's scopes do not allow it."""

    status, code, title = 403, "forbidden", "The key may not do this"


@dataclass(frozen=True)
class Access:
    """A caller's view of the database: its team's jobs, or everybody's. `owner` and `key` are empty without keys."""

    database: Database
    owner: str
    sees_all: bool
    key: str = ""
    """The key's id."""

    def check_key(self) -> None:
        """Raises Unauthorized if the key has ended since the request came: one that waits may outlive it."""
        with self.database.read() as session:
            if keys.ended(session, [self.key]):
                raise Unauthorized(_INVALID, "invalid_token") if self.key else Unauthorized(_SEND_A_KEY)

    def own(self, query: Any, owner: Any = Job.owner) -> Any:
        """`query`, of what this caller sees."""
        return query.where(self.owns(owner))

    def owns(self, owner: Any) -> ColumnElement[bool]:
        """A condition on a table with the column `owner`, of what this caller sees."""
        return true() if self.sees_all else owner == self.owner

    def find(self, session: Session, table: type[F], found_id: str, kind: str, noun: str) -> F:
        """The row with this id, whose ids begin with `kind`. Raises NotFound like `job`, by its `noun`."""
        query = self.own(select(table).where(table.id == found_id), table.owner)
        found: F | None = session.scalar(query) if is_id(found_id, kind) else None
        if found is None:
            raise NotFound(f"There is no {noun} with this id")
        return found

    def job(self, session: Session, job_id: str) -> Job:
        """The job with its runs. Raises NotFound for one that is not there, and for another's."""
        query = self.own(select(Job).where(Job.id == job_id).options(selectinload(Job.runs)))
        job: Job | None = session.scalar(query) if is_id(job_id, "job") else None
        if job is None:
            raise NotFound("There is no job with this id")
        return job

    def run(self, session: Session, run_id: str) -> Run:
        """The run. Raises NotFound like `job`."""
        query = self.own(select(Run).join(Job).where(Run.id == run_id))
        run: Run | None = session.scalar(query) if is_id(run_id, "run") else None
        if run is None:
            raise NotFound("There is no run with this id")
        return run


def is_id(text: str, kind: str) -> bool:
    """Whether `text` has the form of an id; what has not never reaches the database."""
    return text.startswith(f"{kind}_") and len(text) < 40 and text.isascii() and text.replace("_", "").isalnum()


def _allow(request: Request, credentials: HTTPAuthorizationCredentials | None, scope: Scope) -> Access:
    database: Database = request.app.state.database
    if credentials is None:
        limits.count_request(request, _address(request))
        if "authorization" in request.headers:
            raise Unauthorized("The Authorization header must be `Bearer` and a key", "invalid_request")
        with database.read() as session:
            if keys.exist(session):
                raise Unauthorized(_SEND_A_KEY)
        _check_local(request)
        return Access(database, owner="", sees_all=True)
    with database.read() as session:
        key = keys.find(session, credentials.credentials)
    if key is None:
        limits.count_request(request, _address(request))
        raise Unauthorized(_INVALID, "invalid_token")
    limits.count_request(request, key.id)
    allowed = keys.scopes_of(key)
    if scope not in allowed:
        raise Forbidden(f"This needs a key with the scope `{scope}`")
    request.app.state.key_use.note(key.id)
    return Access(database, owner=key.owner, sees_all=Scope.ADMIN in allowed, key=key.id)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _check_local(request: Request) -> None:
    """Raises Unauthorized unless a program of the service's own user, on this machine, sent the request for itself.

    What the request says is not enough. A web page whose name was made to point to this machine sends that
    name; but a proxy may send whatever its clients choose, so the kernel is asked whose the connection is.
    """
    hosts = request.headers.getlist("host")
    name = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if name is None or not is_loopback(name[1].lower()) or int(name[2] or 0) > 65535:
        raise Unauthorized(f"Without keys this machine is served alone, asked by a name of its own. {_MAKE_A_KEY}")
    if any(header in _OF_PROXIES or header.startswith("x-forwarded-") for header in request.headers):
        raise Unauthorized(f"Without keys no proxy is served. {_MAKE_A_KEY}")
    client, server = request.scope.get("client"), request.scope.get("server")
    if client is None or server is None or server[1] is None or not is_loopback(server[0]):
        raise Unauthorized(f"Without keys only connections to a loopback address are served. {_MAKE_A_KEY}")
    peer = peer_process.find(client, server)
    if peer is None:
        return
    if not peer.inode or peer.uid not in (0, os.geteuid()):
        raise Unauthorized(f"Without keys only the user who runs the service is served. {_MAKE_A_KEY}")
    if peer_process.serves_others(peer.inode):
        raise Unauthorized(f"Without keys no program is served that itself serves other machines. {_MAKE_A_KEY}")


Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


def _reader(request: Request, credentials: Credentials) -> Access:
    return _allow(request, credentials, Scope.READ)


def _submitter(request: Request, credentials: Credentials) -> Access:
    return _allow(request, credentials, Scope.SUBMIT)


Reader = Annotated[Access, Depends(_reader)]
Submitter = Annotated[Access, Depends(_submitter)]
