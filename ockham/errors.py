"""Why the service does not run."""

from __future__ import annotations


class CannotStart(Exception):
    """The service cannot be started as asked: a port, a directory or a server will not do. Exit code 2."""


class PartFailed(Exception):
    """A part of the service does not come up, or does not stay up. Exit code 1."""
