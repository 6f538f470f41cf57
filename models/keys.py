"""API keys: made, found again by their hash, listed, revoked.

A token is `ock_`, a public prefix and 256 random bits. Being random, it needs no slow hash: guessing
is hopeless, so its SHA-256 is stored, and the token is shown once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from models.database import now
from models.errors import NotFound
from models.ids import new_id
from models.names import check_name
from models.scopes import IMPLIED, Scope
from models.tables import ApiKey

PREFIX = 12
"""Characters of a token that are shown, and by which its row is found."""

_FORM = re.compile(r"ock_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")

_TEAM = re.compile(r"[A-Za-z0-9._-]{1,32}")

MOST_IN_A_NAME = 200

USED_SECONDS = 60
"""`used_at` is this coarse."""


def create(
    session: Session,
    name: str,
    scopes: Iterable[Scope] = (Scope.SUBMIT,),
    lifetime: timedelta | None = None,
    team: str | None = None,
) -> tuple[ApiKey, str]:
    """A new key, and its token, which cannot be had again.

    `team` is a team's name, which makes the team if need be, or the id or prefix of a key, whose team is joined.
    Raises NotFound if it is neither, ValueError for a name that is none.
    """
    if not 0 < len(name) <= MOST_IN_A_NAME:
        raise ValueError(f"A key's name has 1 to {MOST_IN_A_NAME} characters")
    check_name(name)
    public, secret = secrets.token_hex((PREFIX - 4) // 2), secrets.token_urlsafe(32)
    token = f"ock_{public}_{secret}"
    clock: datetime = session.scalar(select(now()))  # type: ignore[assignment]
    key = ApiKey(
        id=new_id("key", clock),
        name=name,
        prefix=token[:PREFIX],
        digest=_digest(token),
        scopes=sorted({Scope(scope).value for scope in scopes}),
        team=None if team is None else _owner(session, team),
        created_at=clock,
        expires_at=clock + lifetime if lifetime else None,
    )
    session.add(key)
    session.flush()
    return key, token


def _owner(session: Session, team: str) -> str:
    if (key := session.scalar(select(ApiKey).where(or_(ApiKey.id == team, ApiKey.prefix == team)))) is not None:
        return key.owner
    if team.startswith(("key_", "ock_")):
        raise NotFound("There is no key with this id or prefix, whose team could be joined")
    if not _TEAM.fullmatch(team):
        raise NotFound("A team's name has 1 to 32 letters, digits, dots, dashes and underscores")
    return f"team_{team}"


def exist(session: Session) -> bool:
    """Whether any key was ever made: from then on the service asks for one, were they all revoked."""
    return session.scalar(select(ApiKey.id).limit(1)) is not None


def find(session: Session, token: str) -> ApiKey | None:
    """The key of `token`, where it is one, not revoked and not expired."""
    if not _FORM.fullmatch(token):
        return None  # nothing is asked for what cannot be one
    key = session.scalar(select(ApiKey).where(ApiKey.prefix == token[:PREFIX], _valid()))
    # Where no row has the prefix there is nothing to compare in constant time: the prefix is no secret.
    return key if key is not None and hmac.compare_digest(key.digest, _digest(token)) else None


def scopes_of(key: ApiKey) -> frozenset[Scope]:
    """What the key may do, what its scopes imply included."""
    return frozenset(implied for scope in key.scopes for implied in IMPLIED[Scope(scope)])


def unnoted(session: Session, key_ids: Iterable[str]) -> Sequence[str]:
    """Those of the keys whose last use is to be noted anew: by the database's clock, at most once in USED_SECONDS."""
    stale = or_(ApiKey.used_at.is_(None), ApiKey.used_at < now(-USED_SECONDS))
    return session.scalars(select(ApiKey.id).where(ApiKey.id.in_(list(key_ids)), stale)).all()


def note_use(session: Session, key_ids: Iterable[str]) -> None:
    """Notes that the keys are in use."""
    session.execute(update(ApiKey).where(ApiKey.id.in_(list(key_ids))).values(used_at=now()))


def ended(session: Session, key_ids: Iterable[str]) -> set[str]:
    """Those of the keys that are valid no more: revoked, expired or gone. None, "", is until there are keys."""
    asked = set(key_ids)
    valid = set(session.scalars(select(ApiKey.id).where(ApiKey.id.in_(asked), _valid())))
    return asked - (valid if "" not in asked or exist(session) else valid | {""})


def _valid() -> ColumnElement[bool]:
    return and_(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now()))


def listed(session: Session) -> Sequence[ApiKey]:
    """Every key, oldest first, revoked ones too."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def revoke(session: Session, which: str) -> ApiKey:
    """Ends the key with this id or prefix, at once and for ever. Raises NotFound."""
    key = session.scalar(select(ApiKey).where(or_(ApiKey.id == which, ApiKey.prefix == which)))
    if key is None:
        raise NotFound("There is no key with this id or prefix")
    if key.revoked_at is None:
        key.revoked_at = session.scalar(select(now()))
    return key


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
