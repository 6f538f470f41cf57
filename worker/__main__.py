"""`python -m worker SPEC.json|SPEC.yaml`: trains every variant and seed of a job here, without the service.

Prints JSON lines: each run's epochs as they come, then the run's end. A value that is not finite is null.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.documents import read_json, read_yaml
from models.errors import RunError, SpecificationError
from models.resolution import resolve
from models.settings import Settings
from worker.keras_import import import_keras


def main(arguments: list[str]) -> int:
    """Returns the exit status: 0, 1 where a run failed, 2 for a specification that cannot be trained."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m worker SPEC.json|SPEC.yaml", file=sys.stderr)
        return 2
    try:
        read = read_json if arguments[0].lower().endswith(".json") else read_yaml
        specification = resolve(read(Path(arguments[0]).read_bytes(), arguments[0]))
    except (OSError, ValueError) as error:
        print(f"cannot read {error}", file=sys.stderr)
        return 2
    except SpecificationError as error:
        for fault in error.errors:
            print(f"{fault['pointer'] or '/'}: {fault['detail']}", file=sys.stderr)
        return 2

    with _without_noise():
        import_keras()  # only now: it takes seconds
        from worker import data, training

    settings = Settings()
    training.configure(settings.threads)
    failed = False
    for variant in specification.variants:
        for seed in specification.seeds:
            run = specification.run(variant.name, seed)
            labels = {"variant": variant.name, "seed": seed}

            def on_epoch(epoch: training.Epoch, labels: dict[str, Any] = labels) -> None:
                _print({**labels, "epoch": epoch.number, **epoch.metrics, "seconds": epoch.seconds})

            try:
                rows = data.load(run.dataset, settings.data_dir, settings.npz(run.dataset.name), run.draws)
                result = training.train(run, rows, on_epoch)
            except RunError as error:
                failed = True
                _print({**labels, "error": error.as_json()})
            else:
                _print({**labels, "epochs": result.epochs, "chosen_epoch": result.chosen_epoch, "test": result.test})
    return int(failed)


@contextmanager
def _without_noise() -> Iterator[None]:
    """What TensorFlow says of this machine while it is loaded is told only where loading fails.

    TF_CPP_MIN_LOG_LEVEL, which would keep it quiet, is not yet heeded then; where it is set, nothing is kept back.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _print(row: dict[str, Any]) -> None:
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()
    }
    print(json.dumps(finite), flush=True)


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except BrokenPipeError:  # whatever read the lines has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 141
    raise SystemExit(status)
