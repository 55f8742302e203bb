"""A feed-forward network: dense layers, ReLU between them, log-softmax at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shared_code.providers.speech.offline.arrays import Floats


class Layer(NamedTuple):
    """`weights` is inputs by outputs."""

    weights: Floats
    bias: Floats


def log_probabilities(inputs: Floats, layers: Sequence[Layer]) -> Floats:
    """Log of the class probabilities, one row an input row."""
    hidden = inputs
    for layer in layers[:-1]:
        hidden = np.maximum(hidden @ layer.weights + layer.bias, 0)
    logits = hidden @ layers[-1].weights + layers[-1].bias
    logits -= logits.max(axis=1, keepdims=True)
    result: Floats = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return result
