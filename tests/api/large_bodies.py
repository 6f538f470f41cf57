"""Bodies of up to 1 MB that cost the service the most to refuse."""

from __future__ import annotations

import json

BODIES = {
    "500,000 zeros": b"[" + b",".join([b"0"] * 499_999) + b"]",
    "333,000 empty arrays": b"[" + b",".join([b"[]"] * 333_000) + b"]",
    "60,000 members of metadata": json.dumps({"metadata": {f"k{n}": n for n in range(60_000)}}).encode(),
    "9,000 unknown fields": json.dumps({f"unknown{n}": 0 for n in range(9_000)}).encode(),
    "990,000 characters of text": json.dumps({"variants": ["original"], "metadata": {"text": "x" * 990_000}}).encode(),
    "90,000 seeds that are texts": json.dumps({"seeds": ["a,b"] * 90_000}).encode(),
    "9,000 seeds that are texts": json.dumps({"seeds": ["a,b"] * 9_000}).encode(),
    "500 variants with 160 unknown fields each": json.dumps(
        {"variants": [{"name": f"v{n}", "preset": "original", **{f"u{i}": 0 for i in range(160)}} for n in range(500)]},
        separators=(",", ":"),
    ).encode(),
}
