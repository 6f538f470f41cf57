"""Additive Gaussian noise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.kinds.layer import Layer

Deviation = Annotated[float, Field(ge=0, le=1)]


class GaussianNoise(Layer):
    """`keras.layers.GaussianNoise`: in training, adds random numbers of mean 0 to the inputs."""

    title, keras, place = "Gaussian noise", "layers.GaussianNoise", 2
    words = "noise {stddev}"
    noise = True
    starts = {"stddev": 0.1}
    main = ("stddev",)

    type: Literal["gaussian_noise"] = "gaussian_noise"
    stddev: Deviation
