"""Python imports this at its start in a process whose clock is wrong: there `time.sleep` would raise OSError.

libfaketime 0.9.10, told to leave the monotonic clock alone, refuses to sleep until a moment of that clock (EINVAL),
and that is how Python sleeps.
"""

from __future__ import annotations

import select
import time
from typing import Any


def _sleep(seconds: Any) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
