"""Trains a feed-forward classifier in plain numpy: Adam, dropout, weight decay.

Adam after D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, with decoupled weight decay after
I. Loshchilov and F. Hutter, 2019; the initial weights after K. He et al., 2015.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from shared_code.providers.speech.offline.arrays import Floats, Ints
from shared_code.providers.speech.offline.network import Layer, log_probabilities

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Trainer:
    """A network in training. `sizes` are inputs, hidden units of each layer, classes."""

    def __init__(self, sizes: Sequence[int], seed: int, *, dropout: float = 0.0, decay: float = 0.0) -> None:
        self._random = np.random.default_rng(seed)
        self._dropout, self._decay = dropout, decay
        self.layers = [
            Layer(
                (self._random.standard_normal((rows, columns)) * np.sqrt(2 / rows)).astype(np.float32),
                np.zeros(columns, dtype=np.float32),
            )
            for rows, columns in itertools.pairwise(sizes)
        ]
        self._moments = [[np.zeros_like(array), np.zeros_like(array)] for layer in self.layers for array in layer]
        self._step = 0

    def train(self, inputs: Floats, labels: Ints, rate: float) -> float:
        """One step on one batch; the batch's mean cross entropy before the step."""
        activations, masks = [inputs], []
        for layer in self.layers[:-1]:
            hidden = np.maximum(activations[-1] @ layer.weights + layer.bias, 0)
            if self._dropout:
                mask = (self._random.random(hidden.shape, dtype=np.float32) >= self._dropout).astype(np.float32)
                mask /= 1 - self._dropout
                hidden *= mask
                masks.append(mask)
            activations.append(hidden)
        logs = log_probabilities(activations[-1], self.layers[-1:])
        rows = np.arange(len(labels))
        loss = -float(logs[rows, labels].mean())
        error = np.exp(logs)
        error[rows, labels] -= 1
        error /= len(labels)
        gradients: list[Floats] = []
        for place in range(len(self.layers) - 1, -1, -1):
            gradients[:0] = [activations[place].T @ error, error.sum(axis=0)]
            if place:
                error = (error @ self.layers[place].weights.T) * (activations[place] > 0)
                if self._dropout:
                    error *= masks[place - 1]
        self._update(gradients, rate)
        return loss

    def _update(self, gradients: list[Floats], rate: float) -> None:
        self._step += 1
        correction = np.float32(rate * np.sqrt(1 - BETA2**self._step) / (1 - BETA1**self._step))
        arrays = [array for layer in self.layers for array in layer]
        for array, gradient, (first, second) in zip(arrays, gradients, self._moments, strict=True):
            first += np.float32(1 - BETA1) * (gradient - first)
            second += np.float32(1 - BETA2) * (gradient * gradient - second)
            if self._decay and array.ndim == 2:
                array *= np.float32(1 - rate * self._decay)
            array -= correction * first / (np.sqrt(second) + np.float32(EPSILON))


def cosine(step: int, steps: int, peak: float, warm_up: int) -> float:
    """The learning rate at a step: a linear rise, then half a cosine down to zero."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return float(peak * 0.5 * (1 + np.cos(np.pi * (step - warm_up) / max(1, steps - warm_up))))
