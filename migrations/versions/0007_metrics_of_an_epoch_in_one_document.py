"""The metrics of an epoch are one JSON document: a further metric is no further column.

Going back keeps the nine metrics that had a column; others are lost.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAMES = (
    "loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss", "eval_loss", "eval_acc", "eval_data_loss",
)  # fmt: skip

EPOCHS = sa.table(
    "epochs",
    *(sa.column(name) for name in ("run_id", "epoch")),
    *(sa.column(name, sa.Float(53)) for name in NAMES),
    *(sa.column(name, sa.JSON(none_as_null=True)) for name in ("nonfinite", "metrics")),
)
KEY = (EPOCHS.c.run_id, EPOCHS.c.epoch)
AT_ONCE = 5000

Row = dict[str, Any]


def _move(columns: list[str], change: Callable[[Row], Row]) -> None:
    """Writes to each epoch what `change` makes of its `columns`, some thousands at a time."""
    connection = op.get_bind()
    some = sa.select(*KEY, *(EPOCHS.c[name] for name in columns)).order_by(*KEY).limit(AT_ONCE)
    # In Python and not in SQL: SQLite writes numbers into JSON with fewer digits than they have.
    rows = connection.execute(some).mappings().all()
    while rows:
        changed = [{"_run": row["run_id"], "_epoch": row["epoch"], **change(dict(row))} for row in rows]
        written = [name for name in changed[0] if not name.startswith("_")]
        connection.execute(
            sa.update(EPOCHS)
            .where(EPOCHS.c.run_id == sa.bindparam("_run"), EPOCHS.c.epoch == sa.bindparam("_epoch"))
            .values({name: sa.bindparam(name) for name in written}),
            changed,
        )
        last = rows[-1]
        rows = (
            connection.execute(some.where(sa.tuple_(*KEY) > sa.tuple_(last["run_id"], last["epoch"]))).mappings().all()
        )


def _joined(row: Row) -> Row:
    odd = row["nonfinite"] or {}
    return {"metrics": {name: odd.get(name, row[name]) for name in NAMES if row[name] is not None or name in odd}}


def _parted(row: Row) -> Row:
    values = {name: row["metrics"].get(name) for name in NAMES}
    odd = {name: value for name, value in values.items() if isinstance(value, str)}
    return {name: None if name in odd else value for name, value in values.items()} | {"nonfinite": odd or None}


def upgrade() -> None:
    op.add_column("epochs", sa.Column("metrics", sa.JSON(), nullable=True))
    _move([*NAMES, "nonfinite"], _joined)
    with op.batch_alter_table("epochs") as batch:
        batch.alter_column("metrics", existing_type=sa.JSON(), nullable=False)
        for name in (*NAMES, "nonfinite"):
            batch.drop_column(name)


def downgrade() -> None:
    for name in NAMES:
        op.add_column("epochs", sa.Column(name, sa.Float(53), nullable=True))
    op.add_column("epochs", sa.Column("nonfinite", sa.JSON(none_as_null=True), nullable=True))
    _move(["metrics"], _parted)
    with op.batch_alter_table("epochs") as batch:
        batch.drop_column("metrics")
