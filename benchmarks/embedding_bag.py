# mypy: ignore-errors
"""A yardstick: the same network in PyTorch, its first layer an EmbeddingBag, by the same optimizer.

    python benchmarks/embedding_bag.py ROWS.npz --units 16 --epochs 6 [--threads 1]

Needs torch and numpy alone, so it can run in an environment of its own. ROWS.npz has the prepared
reviews as `benchmarks.engine.exported` gives them. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

BATCH = 512


class Network(nn.Module):
    """Two hidden layers of `units`, the first a sum of its words' rows."""

    def __init__(self, words: int, units: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(words, units, mode="sum")
        nn.init.xavier_uniform_(self.words.weight)
        self.bias = nn.Parameter(torch.zeros(units))
        self.hidden, self.out = nn.Linear(units, units), nn.Linear(units, 1)

    def forward(self, words: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return self.out(relu(self.hidden(relu(self.words(words, offsets) + self.bias))))[:, 0]


def batches(indptr: np.ndarray, indices: np.ndarray, labels: torch.Tensor):
    """(words, offsets, labels) of 512 reviews each."""
    for first in range(0, len(labels), BATCH):
        last = min(first + BATCH, len(labels))
        words = torch.from_numpy(indices[indptr[first] : indptr[last]])
        yield words, torch.from_numpy((indptr[first:last] - indptr[first]).astype(np.int32)), labels[first:last]


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--units", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    with np.load(arguments.rows) as file:
        indptr, indices, labels = file["train_indptr"], file["train_indices"], torch.tensor(file["train_labels"])
        test = tuple(file[f"validation_{name}"] for name in ("indptr", "indices"))
        test = (*test, torch.tensor(file["validation_labels"]))
        words = int(file["inputs"])
    network = Network(words, arguments.units)
    optimizer = torch.optim.RMSprop(network.parameters(), lr=1e-3, alpha=0.9, eps=1e-7, foreach=True)
    random, seconds, processor, losses = np.random.default_rng(0), [], [], []
    for _ in range(arguments.epochs):
        began, worked = time.perf_counter(), time.process_time()
        order = random.permutation(len(labels))
        lengths = np.diff(indptr)[order]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        shuffled = indices[np.repeat(indptr[order] - ends[:-1], lengths) + np.arange(ends[-1])]
        network.train()
        for batch, offsets, expected in batches(ends, shuffled, labels[order]):
            loss = binary_cross_entropy_with_logits(network(batch, offsets), expected)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        network.eval()
        with torch.no_grad():
            total = sum(
                binary_cross_entropy_with_logits(network(batch, offsets), expected, reduction="sum").item()
                for batch, offsets, expected in batches(*test)
            )
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - worked)
        losses.append(total / len(test[2]))
    print(
        json.dumps(
            {
                "system": "torch",
                "variant": {16: "original", 512: "bigger"}.get(arguments.units, str(arguments.units)),
                "epochs": arguments.epochs,
                "threads": torch.get_num_threads(),
                "epoch_seconds": float(np.median(seconds[1:])),
                "epoch_processor_seconds": float(np.median(processor[1:])),
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                "val_loss": losses,
            }
        )
    )


if __name__ == "__main__":
    main()
