"""Several jobs at once, with the asynchronous client."""

import asyncio

from ockham_client import AsyncClient


async def train(client: AsyncClient, words: int) -> str:
    """Trains `original` on so many words; its best validation cross-entropy in a sentence."""
    dataset = {"name": "synthetic", "num_words": words, "reviews": 1000}
    job = await client.submit(
        {"name": f"{words} words", "dataset": dataset, "training": {"epochs": 3}, "variants": ["original"]}
    )
    job = await client.wait(job)
    metrics = await client.metrics(job, by="val_data_loss")
    return f"{words} words: {metrics['variants'][0]['best_val_data_loss']['mean']:.4f}"


async def main() -> None:
    """Submits three jobs and prints their answers in order."""
    async with AsyncClient() as client:
        print(*await asyncio.gather(*(train(client, words) for words in (500, 1000, 2000))), sep="\n")


asyncio.run(main())
