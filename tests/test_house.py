"""The house's one rule of direction, held true by walking every import.

api ─► models ◄─ worker        api ─► worker.queue, the queue's names only
api ─► reporting ─► models     reporting knows no web
client ─► none of them         migrations ─► models
worker.tasks ─► worker.training ─► worker.network, which know no web, no queue and no SQL
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAME = ("api", "models", "reporting", "worker", "migrations")
TOPS = {**{name: name for name in SAME}, "client": "ockham_client"}
OURS = {*TOPS.values(), "ockham"}
HEAVY = ("tensorflow", "keras")


def imports(file: Path) -> set[str]:
    """Every module that `file` imports, inside functions too; what is imported from a package of ours counts."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            assert node.module is not None
            found.add(node.module)
            if node.module.partition(".")[0] in OURS:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def offenders(folder: str, *forbidden: str, but: tuple[str, ...] = ()) -> list[str]:
    """Imports in `folder` that are, or are below, what is forbidden."""

    def below(name: str, roots: tuple[str, ...]) -> bool:
        return any(name == root or name.startswith(root + ".") for root in roots)

    return [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files(folder)
        for name in imports(file)
        if below(name, forbidden) and not below(name, but)
    ]


def test_models_import_neither_api_nor_worker() -> None:
    assert offenders("models", "api", "reporting", "worker", "migrations", "ockham", "ockham_client") == []


def test_the_api_knows_of_the_worker_the_queue_alone() -> None:
    found = offenders("api", "worker", "ockham", "ockham_client", *HEAVY, but=("worker.queue",))
    assert [each for each in found if not each.endswith(": worker")] == []


def test_reporting_knows_no_web_and_no_training() -> None:
    assert offenders("reporting", "api", "worker", "ockham", "ockham_client", "fastapi", "starlette", *HEAVY) == []
    assert not loaded_by("import reporting.report, reporting.bundle, reporting.formats") & {"fastapi", "starlette"}


def test_the_worker_knows_nothing_of_the_api() -> None:
    assert offenders("worker", "api", "reporting", "ockham", "ockham_client", "fastapi", "starlette") == []


def test_the_client_speaks_http_alone() -> None:
    assert (
        offenders("client", "api", "models", "reporting", "worker", "migrations", "ockham", "sqlalchemy", "celery")
        == []
    )


def test_migrations_import_models_alone() -> None:
    assert offenders("migrations", "api", "reporting", "worker", "ockham", "ockham_client") == []


def loaded_by(statement: str) -> set[str]:
    """Every module in a fresh process after `statement`."""
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_catalogue_of_kinds_is_pure() -> None:
    families = "axes, constraints, datasets, layers, optimizers, regularizers, tasks"
    loaded = loaded_by(f"from models.kinds import {families}")
    assert "models.kinds.layers.dense" in loaded
    assert not loaded & {*HEAVY, "sqlalchemy", "fastapi", "httpx", "numpy"}


def test_the_api_never_loads_tensorflow() -> None:
    loaded = loaded_by("import api.app; api.app.create_app()")
    assert "worker.queue" in loaded
    assert not loaded & {*HEAVY, "optuna", "worker.training", "worker.tasks"}


def test_a_worker_is_configured_before_tensorflow_is_loaded() -> None:
    assert not loaded_by("import worker.process") & set(HEAVY)


def test_the_command_line_loads_neither_server_nor_numbers() -> None:
    heavy = {*HEAVY, "celery", "fastapi", "matplotlib", "numpy", "redis", "scipy", "sqlalchemy"}
    assert not loaded_by("import ockham.cli") & heavy, "each command would begin later"


def test_training_knows_no_web_no_queue_and_no_sql() -> None:
    loaded = loaded_by(
        "from worker.keras_import import import_keras; import_keras(); import worker.training, worker.data"
    )
    assert {"worker.training", "worker.data", "keras"} <= loaded
    assert not loaded & {"fastapi", "celery", "kombu", "redis", "sqlalchemy", "models.tables", "models.states", "api"}
    # Nor anything that Keras imports only because it is installed.
    unused = {"matplotlib", "pandas", "sklearn"}
    assert all(importlib.util.find_spec(name) for name in unused)
    assert not loaded & {*unused, "scipy.stats", "pyarrow"}


def test_settings_alone_read_the_environment_of_ockham() -> None:
    for folder in ("api", "models", "reporting", "worker", "migrations"):
        for file in files(folder):
            if file != ROOT / "models" / "settings.py":
                assert "OCKHAM_" not in _code_of(file) or "environ" not in _code_of(file), file


def _code_of(file: Path) -> str:
    """The file without its docstrings and comments."""
    return ast.unparse(
        ast.fix_missing_locations(
            ast.Module(
                [
                    node
                    for node in ast.parse(file.read_text()).body
                    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
                ],
                [],
            )
        )
    )


def test_no_file_holds_a_conflict_of_two_versions() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, tracked):
        for line in (ROOT / name.decode()).read_bytes().splitlines():
            assert not line.startswith((b"<<<<<<< ", b">>>>>>> ")), name.decode()


def test_migrations_are_one_chain_in_the_order_of_their_files() -> None:
    below = None
    for file in sorted((ROOT / "migrations" / "versions").glob("0*.py")):
        text = file.read_text()
        own = file.name.partition("_")[0]
        assert f'\nrevision = "{own}"\n' in text, file.name
        assert f"\ndown_revision = {below!r}\n".replace("'", '"') in text, file.name
        below = own
