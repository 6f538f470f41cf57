#!/usr/bin/env bash
# Submits an experiment with curl, waits for its end, and prints each variant's best validation cross-entropy.
set -euo pipefail
url=${OCKHAM_URL:-http://127.0.0.1:8000}

job=$(curl -sf "$url/v1/jobs" -H 'Content-Type: application/json' -d '{
  "name": "l2 against dropout",
  "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
  "training": {"epochs": 4},
  "variants": ["original", "l2", "dropout"]
}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')

# A request waits for the end for up to a minute; so ask until there is one.
until curl -sf -H 'Prefer: wait=60' "$url/v1/jobs/$job" |
  python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["finished_at"] is None)'; do :; done

curl -sf "$url/v1/jobs/$job/metrics?by=val_data_loss" | python3 -c '
import json, sys
for variant in json.load(sys.stdin)["variants"]:
    print(variant["variant"], round(variant["best_val_data_loss"]["mean"], 4))'
