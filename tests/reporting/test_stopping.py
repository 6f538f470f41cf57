"""What a run would have been, had it stopped early, is what Keras makes of it."""

from __future__ import annotations

import keras
from hypothesis import given, settings
from hypothesis import strategies as st

from models.history import RunHistory
from reporting.stopping import PATIENCES, stops
from reporting.summary import summarize


class Model:
    stop_training = False

    def get_weights(self) -> list[float]:
        return []


@settings(max_examples=200, derandomize=True)
@given(
    first=st.sampled_from([0.1, 0.3]),
    values=st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.3, float("nan")]), max_size=11),
    metric=st.sampled_from(["val_data_loss", "val_acc"]),
)
def test_it_is_that_of_keras(first: float, values: list[float], metric: str) -> None:
    values = [first, *values]
    epochs = range(1, len(values) + 1)
    for stop in stops(epochs, values, metric):
        stock = keras.callbacks.EarlyStopping(
            metric, patience=stop.patience, mode="max" if metric == "val_acc" else "min", restore_best_weights=True
        )
        stock.set_model(Model())
        stock.on_train_begin()
        ended = None
        for epoch, value in zip(epochs, values, strict=True):
            stock.on_epoch_end(epoch - 1, {metric: value})
            if stock.model.stop_training:
                ended = epoch
                break
        assert stop.epoch == ended
        if ended and stop.best_epoch:
            assert (stop.best_epoch, stop.best_value) == (stock.best_epoch + 1, stock.best)


def test_it_stands_beside_each_run() -> None:
    losses = (0.5, 0.3, 0.4, 0.35, 0.2)
    history = RunHistory("r", "v", 0, "succeeded", (1, 2, 3, 4, 5), {"val_data_loss": losses})
    (run,) = summarize([history]).runs
    assert [stop.patience for stop in run.stopped] == list(PATIENCES)
    one, two, three, _ = ((s.epoch, s.value, s.best_epoch, s.best_value) for s in run.stopped)
    assert one == (3, 0.4, 2, 0.3)
    assert two == (4, 0.35, 2, 0.3)
    assert three == (None, None, None, None)
