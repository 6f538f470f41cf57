"""An unbiased test score: the best epoch is chosen on held-out training reviews, and the test set is scored once."""

from ockham_client import Client

client = Client()
job = client.submit(
    {
        "name": "held out",
        "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000, "validation": {"holdout": 200}},
        "training": {"epochs": 5},
        "variants": ["original", "dropout"],
        "seeds": [0, 1],
    }
)
job = client.wait(job)
for variant in client.metrics(job)["variants"]:
    print(variant["variant"], "test cross-entropy", round(variant["test_data_loss"]["mean"], 4))
