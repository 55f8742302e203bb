import itertools

import numpy as np
import pytest

from scripts.training.optimisation import Trainer, cosine
from shared_code.providers.speech.offline.network import log_probabilities


def test_what_is_not_linear_is_learnt() -> None:
    """Points inside a ring against points on it."""
    random = np.random.default_rng(0)
    angle, inside = random.uniform(0, 2 * np.pi, 1000), random.random(1000) < 0.5
    radius = np.where(inside, random.uniform(0, 1, 1000), random.uniform(1.5, 2, 1000))
    points = np.column_stack((radius * np.cos(angle), radius * np.sin(angle))).astype(np.float32)
    labels = inside.astype(np.int64)
    trainer = Trainer((2, 16, 2), 0)
    losses = [trainer.train(points, labels, 1e-2) for _ in range(200)]
    assert losses[-1] < losses[0] / 5
    assert (log_probabilities(points, trainer.layers).argmax(axis=1) == labels).mean() > 0.98


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    """A plain step downhill lowers the loss by what the gradient promises: compared with finite differences."""
    random = np.random.default_rng(1)
    inputs, labels = random.normal(size=(20, 3)).astype(np.float32), random.integers(0, 4, 20)
    trainer = Trainer((3, 5, 4), 0)
    before = [(layer.weights.copy(), layer.bias.copy()) for layer in trainer.layers]

    def loss() -> float:
        return -float(log_probabilities(inputs, trainer.layers)[np.arange(20), labels].mean())

    slopes = []
    for layer in trainer.layers:
        layer.weights[0, 0] += 0.01
        up = loss()
        layer.weights[0, 0] -= 0.02
        slopes.append(up - loss())
        layer.weights[0, 0] += 0.01
    trainer.train(inputs, labels, 1e-3)
    for slope, layer, (weights, _) in zip(slopes, trainer.layers, before, strict=True):
        moved = float(layer.weights[0, 0] - weights[0, 0])
        assert np.sign(moved) == -np.sign(slope)
        assert abs(moved) == pytest.approx(1e-3, rel=0.01)  # the first step of Adam is the rate, whatever the slope


def test_the_same_seed_learns_the_same() -> None:
    inputs = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    labels = np.arange(50) % 3
    one, two = (Trainer((4, 8, 3), 7, dropout=0.2, decay=0.01) for _ in range(2))
    for trainer in (one, two):
        for _ in range(5):
            trainer.train(inputs, labels, 1e-2)
    assert all(
        np.array_equal(a.weights, b.weights) and np.array_equal(a.bias, b.bias)
        for a, b in zip(one.layers, two.layers, strict=True)
    )


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [cosine(step, 1000, 1.0, 100) for step in range(1000)]
    assert rates[0] == 0.01
    assert max(rates) == rates[99] == 1.0
    assert rates[-1] < 1e-4
    assert all(after <= before for before, after in itertools.pairwise(rates[99:]))
