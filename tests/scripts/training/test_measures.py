import numpy as np
import pytest

from scripts.training.measures import area_under_curve, equal_error_rate


def test_perfectly_parted_scores_have_no_error() -> None:
    right, wrong = np.array([0.7, 0.8, 0.9]), np.array([0.1, 0.2])
    assert area_under_curve(right, wrong) == 1
    assert equal_error_rate(right, wrong) == 0


def test_a_coin_is_worth_a_half() -> None:
    random = np.random.default_rng(1)
    right, wrong = random.random(4000), random.random(4000)
    assert area_under_curve(right, wrong) == pytest.approx(0.5, abs=0.03)
    assert equal_error_rate(right, wrong) == pytest.approx(0.5, abs=0.03)


def test_ties_count_half() -> None:
    assert area_under_curve(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    assert area_under_curve(np.array([1.0, 2.0]), np.array([1.0])) == 0.75


def test_two_normal_distributions_err_as_theory_says() -> None:
    """Means two standard deviations apart: the errors meet at 15.87 %, the area is 92.1 %."""
    random = np.random.default_rng(2)
    right, wrong = random.normal(1, 1, 20_000), random.normal(-1, 1, 20_000)
    assert equal_error_rate(right, wrong) == pytest.approx(0.1587, abs=0.01)
    assert area_under_curve(right, wrong) == pytest.approx(0.921, abs=0.01)
