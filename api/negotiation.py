"""Which of several answers a client wants, by its `Accept` and `Accept-Encoding` headers (RFC 9110, 12.5)."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request


def accepted(header: str) -> dict[str, float]:
    """What `Accept` or `Accept-Encoding` names, in small letters and in its order, each with its weight; 0 is a no."""
    found: dict[str, float] = {}
    for part in header.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        weight = float(quality) if quality.replace(".", "", 1).isdecimal() and quality.isascii() else 0.0
        found[media] = max(weight, found.get(media, 0.0))
    return found


def preferred(request: Request, offers: Mapping[str, str], default: str) -> str:
    """What `Accept` wants most of `offers`, names by their media types; of equals the one that it names first.

    A range (`text/*`, `*/*`) stands for the first offer that it covers, `*/*` for `default`; `default` is the
    answer too if nothing that is offered is wanted.
    """
    wanted: dict[str, float] = {}
    asked = accepted(request.headers.get("Accept", ""))
    for media, weight in asked.items():
        if media in ("*", "*/*"):
            name: str | None = default
        elif media.endswith("/*"):
            covered = (offers[each] for each in offers if each.startswith(media[:-1]) and each not in asked)
            name = next(covered, None)
        else:
            name = offers.get(media)
        if name is not None and weight > 0:
            wanted[name] = max(weight, wanted.get(name, 0.0))
    return max(wanted, key=wanted.__getitem__) if wanted else default
