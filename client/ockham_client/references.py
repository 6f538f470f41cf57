"""What people type for an id: the beginning of one, a name, or `latest`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

import httpx

from ockham_client.effects import Plan, Request
from ockham_client.errors import OckhamAPIError
from ockham_client.retries import json_of, send

LATEST = "latest"
SHOWN = 10
"""So many candidates are listed at most."""
LOOKED_AT = 100
"""So many of the newest jobs are looked at for a run of which only the beginning of its id is known."""
NOUNS = {"job": "job", "cmp": "comparison"}
DIGITS = 32


def find(kind: str, reference: str) -> Plan[str]:
    """The id of the job (`job`) or the comparison (`cmp`) that `reference` means.

    A whole id is itself, without a request. Else it is `latest`, the name of one alone, or the beginning of one's id,
    with or without `job_`. Raises OckhamAPIError if it means none, or several: then it lists them.
    """
    if re.fullmatch(f"{kind}_[0-9a-f]{{{DIGITS}}}", reference):
        return reference
    noun, path = NOUNS[kind], f"/v1/{NOUNS[kind]}s"
    if reference == LATEST:
        newest = yield from _page(path, {"limit": 1})
        if not newest:
            raise _unknown(f"There is no {noun} yet")
        return str(newest[0]["id"])
    found = []
    if digits := re.fullmatch(f"(?:{kind}_)?([0-9a-f]{{1,{DIGITS - 1}}})", reference):
        beginning = f"{kind}_{digits[1]}"
        # Ids descend on a page: what begins so stands at the top of what comes after the greatest that could.
        page = yield from _page(path, {"limit": SHOWN + 1, "after": f"{beginning:f<{len(kind) + 1 + DIGITS}}"})
        found = [each for each in page if each["id"].startswith(beginning)]
    if not reference.startswith(f"{kind}_"):
        named = yield from _page(path, {"limit": SHOWN + 1, "name": reference})
        found = named or found
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        more = "\n  and others" if len(found) > SHOWN else ""
        lines = "".join(f"\n  {_line(each)}" for each in found[:SHOWN])
        raise _unknown(f"{reference!r} means more than one {noun}; write more of the id:{lines}{more}", "ambiguous")
    known = yield from _page(path, {"limit": LOOKED_AT})
    close = difflib.get_close_matches(reference, [each["name"] for each in known], 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise _unknown(f"There is no {noun} whose id begins so, or whose name it is: {reference!r}{hint}")


def find_run(reference: str) -> Plan[str]:
    """The id of the run that `reference` means.

    A whole id is itself. Else it is `JOB/VARIANT/SEED`, the job as `find` takes it, the seed left out if there is one
    run of the variant; or the beginning of the id of a run of one of the newest jobs. Raises OckhamAPIError as `find`.
    """
    if re.fullmatch(f"run_[0-9a-f]{{{DIGITS}}}", reference):
        return reference
    job, slash, rest = reference.partition("/")
    if slash:
        job_id = yield from find("job", job)
        runs = (yield from _get(f"/v1/jobs/{job_id}"))["runs"]
        variant, _, seed = rest.rpartition("/")
        found = [run for run in runs if (run["variant"], str(run["seed"])) == (variant, seed)]
        found = found or [run for run in runs if run["variant"] == rest]
        candidates = runs
    else:
        beginning = reference if reference.startswith("run_") else f"run_{reference}"
        runs = []
        for each in (yield from _page("/v1/jobs", {"limit": LOOKED_AT})):
            runs += each["runs"] or (yield from _get(f"/v1/jobs/{each['id']}"))["runs"]
        found = candidates = [run for run in runs if run["id"].startswith(beginning)]
    if len(found) == 1:
        return str(found[0]["id"])
    what = f"{reference!r} means more than one run" if found else f"There is no such run: {reference!r}"
    listed = found or candidates
    lines = "".join(f"\n  {run['id']}  {run['variant']}, seed {run['seed']}" for run in listed[:SHOWN])
    if not listed:
        lines = "\n  Write its whole id, or JOB/VARIANT/SEED"
    raise _unknown(what + (":" if listed else "") + lines, "ambiguous" if found else "not_found")


def shortest(ids: list[str]) -> dict[str, str]:
    """Of each id a short beginning that none of the others has, some characters longer: ids are close together."""
    short = {}
    for one in ids:
        common = max((len(_common(one, other)) for other in ids if other != one), default=0)
        short[one] = one[: max(len("job_") + 10, common + 2)]
    return short


def _common(one: str, other: str) -> str:
    return one[: next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))]


def _line(each: Mapping[str, Any]) -> str:
    return f"{each['id']}  {each['name']}, {each['created_at'][:19].replace('T', ' ')} UTC"


def _page(path: str, params: dict[str, Any]) -> Plan[list[dict[str, Any]]]:
    return list((yield from _get(path, params))["data"])


def _get(path: str, params: dict[str, Any] | None = None) -> Plan[dict[str, Any]]:
    response: httpx.Response = yield from send(Request("GET", path, params or {}))
    return json_of(response)


def _unknown(detail: str, code: str = "not_found") -> OckhamAPIError:
    return OckhamAPIError(404, {"title": "Not found", "detail": detail, "code": code})
