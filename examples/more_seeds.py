"""Adds seeds to a finished job: what was trained stays, and only the new seeds are trained."""

from ockham_client import Client

client = Client()
job = client.submit(
    {
        "name": "more seeds",
        "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
        "training": {"epochs": 3},
        "variants": ["original", "l2"],
    }
)
job = client.wait(job)
print(len(job.runs), "runs")
job = client.wait(client.add_seeds(job, [1, 2]))
print(len(job.runs), "runs")
