"""Numbers by name come back from the database bit for bit, all of them or one by one, on both databases."""

from __future__ import annotations

import math
import random
import struct

from models import claims
from reporting.reading import load_histories
from tests.models.conftest import VALUES, Bench


def bits(values: object) -> list[bytes]:
    return [struct.pack(">d", value) for value in values]  # type: ignore[attr-defined]


def test_every_metric_comes_back_with_its_bits(bench: Bench) -> None:
    draw = random.Random(0)
    odd = [math.nan, math.inf, -math.inf, 0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
    losses = odd + [draw.uniform(0, 1) * 10 ** draw.randint(-12, 12) for _ in range(60)]
    bench.submit(epochs=len(losses))
    held = bench.claimed()
    for epoch, loss in enumerate(losses, 1):
        values = {**VALUES, "loss": loss, **({"eval_loss": loss} if epoch > 2 else {}), "of_another_version": loss}
        with bench.database.write() as session:
            claims.record(session, held, epoch, values, 0.1)
    with bench.database.read() as session:
        run = bench.run(held.run_id)
        (whole,) = load_histories(session, [run])
        (one,) = load_histories(session, [run], ["loss"])
        (two,) = load_histories(session, [run], ["eval_loss", "val_acc"], times=True)
        (none,) = load_histories(session, [run], ["val_auc"])
    assert list(whole.epochs) == list(range(1, len(losses) + 1))
    for history in (whole, one):
        assert bits(history.metrics["loss"]) == bits(losses)
    assert list(one.metrics) == ["loss"]
    assert list(whole.metrics) == [*VALUES, "eval_loss", "of_another_version"]
    assert bits(two.metrics["eval_loss"][2:]) == bits(losses[2:])
    assert math.isnan(two.metrics["eval_loss"][0])
    assert list(two.metrics["val_acc"]) == [0.75] * len(losses)
    assert len(two.recorded_at) == len(losses)
    assert none.metrics == {}
