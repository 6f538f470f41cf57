#!/usr/bin/env bash
# Asks what a specification would train, without training it; then shows what a wrong one is answered.
set -euo pipefail
url=${OCKHAM_URL:-http://127.0.0.1:8000}

curl -sf "$url/v1/jobs?validate_only=true" -H 'Content-Type: application/json' \
  -d '{"preset": "notebook", "seeds": [0, 1, 2]}' |
  python3 -c '
import json, sys
preview = json.load(sys.stdin)
print(preview["runs"], "runs")
for variant in preview["variants"]:
    print(variant["name"], variant["parameters"], "parameters")'

# Every error is answered at once, with its place: so no -f here.
curl -s "$url/v1/jobs?validate_only=true" -H 'Content-Type: application/json' \
  -d '{"variants": ["originel"], "training": {"epochs": 0}, "colour": "blue"}' |
  python3 -c '
import json, sys
for error in json.load(sys.stdin)["errors"]:
    print(error["pointer"], error["code"])'
