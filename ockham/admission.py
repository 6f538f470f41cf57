"""Who may come in: without a key only this machine."""

from __future__ import annotations

from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError

from models import keys
from models.database import Database
from models.loopback import is_loopback
from models.settings import Settings
from models.tables import ApiKey
from ockham.errors import CannotStart


def require_key(settings: Settings, host: str) -> bool:
    """Whether requests need a key. Raises CannotStart if none was ever made and others could reach `host`."""
    database = Database(settings)
    try:
        with database.read() as session:
            if inspect(session.connection()).has_table(ApiKey.__tablename__) and keys.exist(session):
                return True
    except OperationalError:
        return True  # an outage: until it is over every request is refused
    finally:
        database.dispose()
    if is_loopback(host):
        return False
    raise CannotStart(
        f"Without a key the service listens on this machine's own addresses only, and {host} is not one. "
        "Make a key first: `ockham keys create`"
    )
