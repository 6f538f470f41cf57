"""The programs under examples/ do what they say, against a real service."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

PRINTS = {
    "compare_remedies.py": r"dropout minus original: [+-]\d",
    "figures.sh": r"curves\.png\ndifference\.svg\nreport\.html",
    "follow_events.sh": r"event: job\.queued\n(event: [a-z.]+\n)*event: job\.succeeded",
    "history_with_pandas.py": r"bigger +0\.\d+",
    "holdout.py": r"dropout test cross-entropy 0\.\d+",
    "load_a_model.py": r"probability of praise: 0\.\d+",
    "many_jobs.py": r"500 words: 0\.\d+\n1000 words: 0\.\d+\n2000 words: 0\.\d+",
    "more_seeds.py": r"2 runs\n6 runs",
    "notebook.ipynb": r"(?s)from a notebook: succeeded.*image/png.*best_val_data_loss_low.*decision.*l2",
    "own_layers.py": r"narrowing 3\d+ parameters succeeded",
    "submit_and_poll.sh": r"original 0\.\d+\nl2 0\.\d+\ndropout 0\.\d+",
    "sweep.sh": r"sweep\.png",
    "validate.sh": r"15 runs\noriginal 160305 parameters\n(.+\n)*/colour",
}
"""What each program prints, as a pattern."""

SHOWING = """
import ast

cells = {}

def show(source):
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), cells)
    if last is None:
        return
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), cells)
    bundle = getattr(value, "_repr_mimebundle_", None)
    html = getattr(value, "_repr_html_", None)
    print(list(bundle()) if bundle else html() if html else repr(value))
"""
"""Runs a notebook's cells, and prints what a notebook would show of each."""

SPECIFICATIONS = {"small.json", "sweep.yaml"}


def test_every_example_is_run_and_listed() -> None:
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert files - {"README.md"} == PRINTS.keys() | SPECIFICATIONS
    page = (EXAMPLES / "README.md").read_text()
    assert set(re.findall(r"`([a-z_]+\.(?:sh|py|json|yaml|ipynb))`", page)) >= files - {"README.md"}


@pytest.mark.once
@pytest.mark.parametrize("name", sorted(PRINTS))
def test_an_example(live: str, tmp_path: Path, name: str) -> None:
    path = EXAMPLES / name
    if name.endswith(".ipynb"):
        cells = json.loads(path.read_text())["cells"]
        assert not any(cell.get("outputs") for cell in cells)
        script = tmp_path / "notebook.py"
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        script.write_text(f"{SHOWING}\nfor source in {sources!r}:\n    show(source)\n")
        command = [sys.executable, str(script)]
    else:
        command = ["bash", str(path)] if name.endswith(".sh") else [sys.executable, str(path)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("OCKHAM_")}
    env |= {"OCKHAM_URL": live, "OCKHAM": str(Path(sys.prefix) / "bin" / "ockham"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert re.search(PRINTS[name], done.stdout), done.stdout
