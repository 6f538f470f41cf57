"""The README is true: its commands are run, its links lead somewhere."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Process, free_port, wait_for

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL)

GATE = {"make test", "make demo"}
"""Run by the gate itself: `make test-all` is every test of `make test` and more."""
SERVES = {"make serve"}
"""Run here until the session is over."""


def test_every_command_is_run() -> None:
    gate = (ROOT / ".ci" / "run").read_text()
    assert "make test-all\n" in gate
    assert "make demo " in gate
    commands = {block.strip() for kind, block in BLOCKS if kind == "sh"}
    assert commands >= GATE | SERVES
    assert len(commands - GATE - SERVES) >= 6


def test_links_and_pictures_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_session(tmp_path: Path) -> None:
    """`make serve` and every command of the session, as they stand but for the port and the folder."""
    port = free_port()
    env = {key: value for key, value in os.environ.items() if not key.startswith("OCKHAM_") or key == "OCKHAM_IMDB_NPZ"}
    env |= {"OCKHAM_DATA_DIR": str(tmp_path / "data"), "OCKHAM_URL": f"http://127.0.0.1:{port}"}
    serve = subprocess.run(["make", "-n", "serve"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    log = tmp_path / "serve.log"
    python = str(ROOT / ".venv" / "bin" / "python")
    command = [str(ROOT / serve[0]), *serve[1:], "--port", str(port)]
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with Process(command, log, env) as service:
        wait_for("the service", lambda: "Ctrl-C ends everything" in log.read_text())
        script = "set -euo pipefail\n" + "".join(
            block if kind == "sh" else f"{python} - <<'END'\n{block}END\n"
            for kind, block in BLOCKS
            if block.strip() not in GATE | SERVES
        )
        script = script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}")
        if "OCKHAM_IMDB_NPZ" not in env:
            script = script.replace("submit notebook", "submit examples/small.json")  # no reviews: the synthetic ones
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=700
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert "job.succeeded" in done.stdout
        assert (tmp_path / "val_data_loss.png").read_bytes().startswith(b"\x89PNG")
        assert len((tmp_path / "history.csv").read_text().splitlines()) == 1 + 5 * 3 * 10
        assert service.stop(signal.SIGINT) == 0
