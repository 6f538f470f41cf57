"""What `benchmarks.growth` makes of what it measures."""

from __future__ import annotations

import math

import pytest

from benchmarks import growth, growth_clients, growth_workers


def test_an_exponent_is_the_slope_in_log_log() -> None:
    sizes = [1, 10, 100]
    assert growth.slope(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    assert growth.slope(sizes, [7, 7, 7]) == pytest.approx(0)
    assert math.isnan(growth.slope(sizes, [0, 1, 2]))
    assert math.isnan(growth.slope([1], [1]))


def test_a_table_ends_with_the_exponents_of_all_sizes_and_of_the_last_step() -> None:
    lines = growth.tables("runs", {1: {"a": 5.0}, 10: {"a": 5.0}, 1000: {"a": 500.0}}).splitlines()
    assert lines[0] == "| runs | a |"
    assert lines[2:5] == ["| 1 | 5 |", "| 10 | 5 |", "| 1,000 | 500 |"]
    assert lines[5].startswith("| exponent | 0.7")
    assert lines[6] == "| exponent of the last step | 1.00 |"


def test_the_first_that_is_slow_is_named_or_foretold() -> None:
    rows = {10: {"list": 5.0, "report": 20.0}, 100: {"list": 50.0, "report": 25.0}}
    assert "list would be the first to, at about 2,000" in growth.slow(rows)
    assert "list is the first to take longer than a second: 1,500 ms at 1,000" in growth.slow(
        {**rows, 1000: {"list": 1500.0, "report": 30.0}}
    )


def test_workers_break_where_they_cannot_claim_what_they_could() -> None:
    waits = {"wait for a lock": 0.7, "wait for the log": 0.1, "compute": 0.2, "database's processors": 1.5}
    rows = {
        10: {"of what they could": 0.95, "claims per second": 19.0, **waits},
        100: {"of what they could": 0.5, "claims per second": 100.0, **waits},
    }
    assert growth_workers.breaks(rows).startswith("100 workers claim 100 runs per second of 200")
    assert "70% of its busy connections wait for a lock" in growth_workers.breaks(rows)
    assert growth_workers.breaks({10: rows[10]}).startswith("nothing")


def test_clients_break_by_errors_then_by_waits_then_not_at_all() -> None:
    row = {"errors": 0.0, "p99": 10.0, "requests per second": 500.0}
    assert growth_clients.breaks({1: row, 5: row}).startswith("nothing")
    assert "waits 2,000 ms" in growth_clients.breaks({1: row, 5: {**row, "p99": 2000.0}})
    assert growth_clients.breaks({1: row, 5: {**row, "errors": 3.0}}).startswith("3 requests failed")
