#!/usr/bin/env bash
# Submits the sweep of sweep.yaml with the command line, waits, and draws its heat map.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ockham=${OCKHAM:-ockham}

job=$("$ockham" submit "$here/sweep.yaml" --wait --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
curl -sf "${OCKHAM_URL:-http://127.0.0.1:8000}/v1/jobs/$job/plots/sweep.png?over=units,l2" -o sweep.png
ls sweep.png
