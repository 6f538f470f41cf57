"""Settings that make no sense are refused before anything starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.kinds.datasets import DATASETS
from models.settings import Settings, faults

REFUSED = {
    "a lease of one heartbeat": ({"lease_seconds": 5, "heartbeat_seconds": 5}, "OCKHAM_LEASE_SECONDS (5)"),
    "a lease below a heartbeat": ({"lease_seconds": 4}, "OCKHAM_HEARTBEAT_SECONDS (5)"),
    "hung before silent": ({"progress_seconds": 20}, "OCKHAM_PROGRESS_SECONDS (20)"),
    "infinity": ({"lease_seconds": "1e400"}, "OCKHAM_LEASE_SECONDS: Input should be a finite number"),
    "no number": ({"run_seconds": "nan"}, "OCKHAM_RUN_SECONDS"),
    "for ever": ({"run_seconds": 1e300}, "OCKHAM_RUN_SECONDS (1e+300) must be at most"),
    "an origin without a scheme": ({"cors_origins": "foo"}, "OCKHAM_CORS_ORIGINS: 'foo' is not an origin"),
    "an origin with a space": ({"cors_origins": "https://a.org, http://a b"}, "'http://a b' is not an origin"),
    "an origin with a path": ({"cors_origins": "https://x.org/path"}, "'https://x.org/path' is not an origin"),
    "a port of letters": (
        {"database_url": "postgresql://u:secret@h:abc/x"},
        "OCKHAM_DATABASE_URL: has no valid host or",
    ),
    "half an address": ({"database_url": "postgresql://[::1/x"}, "OCKHAM_DATABASE_URL: has no valid host or port"),
    "infinite work": ({"max_run_work": "inf"}, "OCKHAM_MAX_RUN_WORK"),
}


@pytest.mark.parametrize(("values", "said"), REFUSED.values(), ids=REFUSED)
def test_refused_in_a_sentence(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(**values)  # type: ignore[arg-type]
    (fault,) = faults(refusal.value)
    assert said in fault
    assert "\n" not in fault
    assert "secret" not in fault


@pytest.mark.parametrize("file", [(name, which) for name, kind in DATASETS.items() for which in kind.files])
def test_each_file_of_a_data_set_has_a_setting(file: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    name, which = file
    monkeypatch.setenv(f"OCKHAM_{name}_{which}".upper(), "/a/copy")
    settings = Settings()
    assert {"npz": settings.npz, "word_index": settings.word_index}[which](name) == Path("/a/copy")


def test_the_defaults_and_what_the_tests_use_will_do() -> None:
    Settings(lease_seconds=1.5, heartbeat_seconds=0.5, progress_seconds=1.5)
    origins = ("*", "https://page.example", "http://localhost:3000", "http://[::1]:8080", "moz-extension://a1-b2")
    assert Settings(cors_origins=", ".join(origins)).cors_origins == origins


@pytest.mark.parametrize("words", [["serve"], ["api"], ["worker"], ["migrate"], ["keys", "list"], ["demo"]])
def test_every_command_of_the_service_says_so_in_a_line(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ockham", *words], capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OCKHAM_DATA_DIR": str(tmp_path / "data"),
             "OCKHAM_LEASE_SECONDS": "4"},
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "OCKHAM_LEASE_SECONDS (4) must be at least 3 times OCKHAM_HEARTBEAT_SECONDS (5)" in done.stderr
    assert not (tmp_path / "data").exists()
