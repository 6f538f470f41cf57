"""`python -m ockham`: how the supervisor starts its parts, whatever PATH says."""

from ockham.cli import app

app()
