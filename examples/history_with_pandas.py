"""Every epoch of every run as a data frame. Parquet keeps each column's type, so a variant may have any name."""

import io
import os

import httpx
import pandas

url = os.environ.get("OCKHAM_URL", "http://127.0.0.1:8000")
specification = {
    "name": "for pandas",
    "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
    "training": {"epochs": 4},
    "variants": ["original", "bigger"],
}
with httpx.Client(base_url=url, timeout=90) as http:
    job = http.post("/v1/jobs", json=specification).raise_for_status().json()
    while job["finished_at"] is None:
        job = http.get(job["links"]["self"], headers={"Prefer": "wait=60"}).raise_for_status().json()
    parquet = http.get(job["links"]["history"], params={"format": "parquet"}).raise_for_status().content

frame = pandas.read_parquet(io.BytesIO(parquet))
print(frame.groupby("variant")[["val_data_loss", "val_acc"]].agg({"val_data_loss": "min", "val_acc": "max"}))
