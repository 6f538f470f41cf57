"""What can go wrong between a client and the service."""

from __future__ import annotations

from typing import Any

import httpx


class OckhamError(Exception):
    """Any error of this package."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of the traceback, which would lead through this package's insides."""
        return [f"{type(self).__name__}: {self}"]


class OckhamConnectionError(OckhamError):
    """The service could not be reached, or did not answer, however often it was tried."""


class JobTimeout(OckhamError, TimeoutError):
    """A job had not finished when the time to wait for it was over. The job goes on."""


class ExportError(OckhamError):
    """The program to export to is not installed, or refuses."""


class OckhamAPIError(OckhamError):
    """The service said no: a problem document (RFC 9457), its fields as attributes.

    `code` is a stable word for programs. For a bad specification `errors` lists every fault as
    `{pointer, code, detail}`.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", "unknown"))
        self.title = str(problem.get("title", f"The service answered {status}"))
        self.detail = str(problem.get("detail", ""))
        self.errors: list[dict[str, str]] = list(problem.get("errors", []))
        lines = [f"{self.title}: {self.detail}" if self.detail else self.title]
        lines += [f"  {e.get('pointer') or '/'}: {e.get('detail')}" for e in self.errors]
        super().__init__("\n".join(lines))

    @classmethod
    def of(cls, response: httpx.Response) -> OckhamAPIError:
        """The error that `response`, of status 400 or more, tells; a proxy's page has only its status."""
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        return cls(response.status_code, problem if isinstance(problem, dict) else {})
