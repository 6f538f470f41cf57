"""Networks with your own layers, by Keras's names, and with their own training, beside a preset."""

from ockham_client import Client

client = Client()
job = client.submit(
    {
        "name": "my networks",
        "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
        "training": {"epochs": 4},
        "variants": [
            "original",
            {
                "name": "narrowing",
                "layers": [
                    {"type": "dense", "units": 32, "activation": "relu", "kernel_regularizer": {"l2": 0.001}},
                    {"type": "dropout", "rate": 0.5},
                    {"type": "dense", "units": 8, "activation": "relu"},
                ],
            },
            {
                "name": "original slower",
                "preset": "original",
                "training": {"optimizer": {"name": "adam", "learning_rate": 0.0003}},
            },
        ],
    }
)
job = client.wait(job)
for run in job.runs:
    print(run.variant, run.parameters, "parameters", run.status)
