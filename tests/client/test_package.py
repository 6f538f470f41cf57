"""The client is a package of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client"
SCRIPT = "import ockham_client, sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def test_imports_httpx_and_none_of_the_service() -> None:
    said = subprocess.run([sys.executable, "-P", "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    loaded = set(json.loads(said))
    assert "httpx" in loaded
    service = {"api", "models", "worker", "migrations", "ockham"}
    heavy = {"celery", "fastapi", "mlflow", "numpy", "pandas", "pydantic", "redis", "sqlalchemy", "tensorflow", "yaml"}
    assert loaded & (service | heavy) == set()


@pytest.mark.slow
def test_installs_by_itself(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    source = tmp_path / "client"
    source.mkdir()
    for path in (CLIENT / "pyproject.toml", CLIENT / "README.md", *CLIENT.glob("ockham_client/*")):
        if path.is_file():
            target = source / path.relative_to(CLIENT)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", source], check=True)
    said = subprocess.run([python, "-I", "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert "httpx" in json.loads(said)
