"""A trained network as a plain Keras model: it loads and predicts with Keras alone, 3.15 or later."""

import keras
import numpy

from ockham_client import Client

client = Client()
job = client.submit(
    {
        "name": "to be loaded",
        "dataset": {"name": "synthetic", "num_words": 1000, "reviews": 1000},
        "training": {"epochs": 2},
        "variants": ["original"],
    }
)
job = client.wait(job)
client.model(job.runs[0].id, "original.keras")

model = keras.models.load_model("original.keras")
review = numpy.zeros((1, 1000), "float32")
review[0, [1, 17, 42]] = 1  # multi-hot: a 1 for each word that the review has
print("probability of praise:", round(float(model.predict(review, verbose=0)[0, 0]), 3))
