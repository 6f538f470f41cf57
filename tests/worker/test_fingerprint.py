"""What a stored result is found again by."""

from __future__ import annotations

from worker.fingerprint import fingerprint


def test_the_promise_is_part_of_the_key_and_stays_to_the_letter() -> None:
    """A comma more, and every stored result would be trained again."""
    promise = "The same specification and seed give a bit-identical history and weights where all of this agrees."
    assert fingerprint("0")["promise"] == promise
