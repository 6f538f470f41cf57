"""Which remedy lowers the best validation cross-entropy, by how much, and is it more than chance?"""

from ockham_client import Client

client = Client()
job = client.submit(
    {
        "name": "which remedy",
        "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
        "training": {"epochs": 5},
        "variants": ["original", "smaller", "l2", "dropout"],
        "seeds": [0, 1, 2],
    }
)
job = client.wait(job)
for comparison in client.analysis(job)["comparisons"]:
    if comparison["metric"] == "best_val_data_loss":
        low, high = comparison["ci95"]
        print(
            f"{comparison['variant']} minus {comparison['baseline']}: {comparison['difference']:+.4f} "
            f"(95% interval {low:+.4f} to {high:+.4f}, p {comparison['p_holm']:.2g} corrected by Holm's method)"
        )
