"""Writes `ockham_client/synchronous.py` from `asynchronous.py`: python client/make_synchronous.py

Each call of the client is written once, in `asynchronous.py`. A test compares the other file with what is written here.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "ockham_client"
SOURCE, MADE = PACKAGE / "asynchronous.py", PACKAGE / "synchronous.py"

WORDS = {
    "async ": "",
    "await ": "",
    "AsyncClient": "Client",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aclosing": "closing",
    "aiter_bytes": "iter_bytes",
    "aiter_lines": "iter_lines",
    "anext": "next",
    "aread": "read",
}

PASSAGES = {
    "The client for asyncio.": "The client that blocks, made from `asynchronous.py` by `client/make_synchronous.py`.",
    "Calls are coroutines.": "Calls block.",
    "import asyncio\nimport inspect\nimport os\n": "import os\nimport time\n",
    "if on_event and inspect.isawaitable(pending := on_event(event)):\n                    await pending\n": (
        "if on_event:\n                    on_event(event)\n"
    ),
    "await asyncio.sleep(seconds)": "time.sleep(seconds)",
    "await asyncio.to_thread(request.into.write, part)  # a disk may be slow; others go on": "request.into.write(part)",
}
"""What is said or done otherwise when nothing is awaited."""


def synchronous(text: str) -> str:
    """The module `text` with calls that block. Raises ValueError if one of `PASSAGES` is not in it exactly once."""
    for passage, instead in PASSAGES.items():
        if text.count(passage) != 1:
            raise ValueError(f"{SOURCE.name} has this {text.count(passage)} times, not once: {passage}")
        text = text.replace(passage, instead)
    text = re.sub(
        "|".join(rf"\b{re.escape(word)}" + (r"\b" if word.strip() == word else "") for word in WORDS),
        lambda found: WORDS[found.group()],
        text,
    )
    for command in (("check", "--quiet", "--fix", "--select", "I"), ("format", "--quiet")):
        ruff = (sys.executable, "-m", "ruff", *command, "--stdin-filename", str(MADE), "-")
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


if __name__ == "__main__":
    MADE.write_text(synchronous(SOURCE.read_text()))
