"""The client is a package of its own."""

from __future__ import annotations

import json
import runpy
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


def test_the_client_that_blocks_is_made_from_the_other() -> None:
    script = runpy.run_path(str(CLIENT / "make_synchronous.py"))
    text = script["SOURCE"].read_text()
    assert script["synchronous"](text) == script["MADE"].read_text(), "run python client/make_synchronous.py"
    with pytest.raises(ValueError, match="not once"):
        script["synchronous"](text.replace("asyncio.sleep", "asyncio.wait"))


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
