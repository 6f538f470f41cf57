#!/usr/bin/env bash
# Trains two variants over three seeds, and fetches their curves, their difference and the report.
set -euo pipefail
url=${OCKHAM_URL:-http://127.0.0.1:8000}

job=$(curl -sf "$url/v1/jobs" -H 'Content-Type: application/json' -d '{
  "name": "figures",
  "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
  "training": {"epochs": 4},
  "variants": ["original", "dropout"],
  "seeds": [0, 1, 2]
}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
until curl -sf -H 'Prefer: wait=60' "$url/v1/jobs/$job" |
  python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["finished_at"] is None)'; do :; done

curl -sf "$url/v1/jobs/$job/plots/val_data_loss.png?width=900&band=minmax" -o curves.png
curl -sf "$url/v1/jobs/$job/plots/val_data_loss.svg?difference=true" -o difference.svg
curl -sf "$url/v1/jobs/$job/report.html" -o report.html
ls curves.png difference.svg report.html
