"""`python -m models.tabular`: reads a data set's files within limits of time and memory, for `models.tabular.apart`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from models.apart import answer
from models.tabular.faults import InvalidDataset
from models.tabular.options import Options
from models.tabular.read import Sent, read


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """The card, and which parts were written; or what is wrong with the files."""
    folder = Path(asked["folder"])
    parts: list[tuple[str, int, str]] = []
    rows = {"train": 0, "test": 0}

    def write(split: str, count: int, data: bytes) -> None:
        name = f"part-{len(parts)}"
        (folder / name).write_bytes(data)
        parts.append((split, rows[split], name))
        rows[split] += count

    with ExitStack() as opened:

        def sent(told: dict[str, Any]) -> Sent:
            return Sent(opened.enter_context(Path(told["path"]).open("rb")), told["format"])

        try:
            options = Options.model_validate(asked["options"])
            test = sent(asked["test"]) if asked["test"] else None
            card = read(sent(asked["train"]), test, options, asked["limit"], write)
        except InvalidDataset as invalid:
            return invalid.extra
    return {"card": card.model_dump(mode="json"), "parts": parts}


if __name__ == "__main__":
    answer(main)
