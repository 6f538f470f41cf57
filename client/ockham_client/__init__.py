"""A client for Ockham over HTTP, synchronous and asynchronous. It needs httpx and nothing else."""

from ockham_client.asynchronous import AsyncClient
from ockham_client.errors import ExportError, JobTimeout, OckhamAPIError, OckhamConnectionError, OckhamError
from ockham_client.objects import Comparison, Event, Job, Run
from ockham_client.synchronous import Client

__all__ = [
    "AsyncClient",
    "Client",
    "Comparison",
    "Event",
    "ExportError",
    "Job",
    "JobTimeout",
    "OckhamAPIError",
    "OckhamConnectionError",
    "OckhamError",
    "Run",
]
