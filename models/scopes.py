"""What a key may do."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """What a key may do, to its team's jobs alone unless it is `admin`."""

    READ = "read"  # read jobs and their results
    SUBMIT = "submit"  # submit, cancel, retry and delete; and read
    ADMIN = "admin"  # all of that, to everybody's jobs


IMPLIED = {
    Scope.READ: {Scope.READ},
    Scope.SUBMIT: {Scope.READ, Scope.SUBMIT},
    Scope.ADMIN: {Scope.READ, Scope.SUBMIT, Scope.ADMIN},
}
