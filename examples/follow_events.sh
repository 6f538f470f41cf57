#!/usr/bin/env bash
# Submits an experiment and prints its events as they happen; the stream ends after the job's last event.
set -euo pipefail
url=${OCKHAM_URL:-http://127.0.0.1:8000}

job=$(curl -sf "$url/v1/jobs" -H 'Content-Type: application/json' -d '{
  "name": "followed",
  "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
  "training": {"epochs": 3},
  "variants": ["original"]
}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')

curl -sf -N -H 'Accept: text/event-stream' "$url/v1/jobs/$job/events" | grep '^event:'
