"""A checkpoint's file: whole or not there, whoever else writes it."""

from __future__ import annotations

import errno
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from worker.checkpoint import Checkpoint, load, save


def checkpoint(value: float) -> Checkpoint:
    return Checkpoint([{"loss": value}], [np.full(100_000, value)], [])


def test_two_writers_with_one_process_id_do_not_disturb_each_other(tmp_path: Path) -> None:
    """As in two containers on one volume: each write is whole, and the last one stays."""
    path = tmp_path / "run.npz"

    def write(writer: int) -> None:
        for _ in range(50):
            save(path, "same", checkpoint(writer))
            found = load(path, "same")
            assert found is not None
            assert set(found.state[0]) in ({0.0}, {1.0})

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, writer) for writer in (0, 1)]:
            done.result()
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, sys, signal; from pathlib import Path; import numpy as np\n"
        "from worker.checkpoint import Checkpoint, save\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: save(Path(sys.argv[1]), 'same', Checkpoint([], [np.zeros(100_000)], []))\n"
        "except OSError as error: sys.exit(error.errno)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run.npz")], timeout=60, check=False)
    assert done.returncode == errno.EFBIG
    assert list(tmp_path.iterdir()) == []
