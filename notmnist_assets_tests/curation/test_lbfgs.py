"""The descent method against functions whose minimum is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize as scipy_minimize

from notmnist_assets.curation.lbfgs import Minimum, Point, minimize


def log_cosh(matrix: Point, shift: Point) -> tuple[float, Point]:
    """A strictly convex function that is not a parabola, at `shift` with the curvature in `matrix`."""
    inner = matrix @ shift
    return float(np.logaddexp(inner, -inner).sum() + 0.5 * shift @ shift), matrix.T @ np.tanh(inner) + shift


@settings(max_examples=25)
@given(size=st.integers(1, 12), seed=st.integers(0, 10_000), stretch=st.floats(0, 1))
def test_the_minimum_is_the_one_that_scipy_finds(size: int, seed: int, stretch: float) -> None:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(size, size)) * np.logspace(-stretch, stretch, size)
    centre = random.normal(size=size)

    def objective(point: Point) -> tuple[float, Point]:
        value, gradient = log_cosh(matrix, point - centre)
        return value + float(point.sum()), gradient + 1

    ours = minimize(
        objective, np.zeros(size), precondition=lambda gradient: gradient.copy(), tolerance=1e-6, step_limit=5000
    )
    theirs = scipy_minimize(
        objective, np.zeros(size), jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 0, "maxiter": 20000}
    )
    assert ours.converged
    assert ours.gradient_norm <= 1e-6
    assert ours.value == pytest.approx(theirs.fun, rel=1e-9, abs=1e-9)


def quadratic(step_limit: int, precondition_exactly: bool) -> Minimum:
    scales = np.logspace(0, 4, 40)
    return minimize(
        lambda point: (float(0.5 * scales @ (point - 1) ** 2), scales * (point - 1)),
        np.zeros(40),
        precondition=lambda gradient: gradient / scales if precondition_exactly else gradient.copy(),
        tolerance=1e-8,
        step_limit=step_limit,
    )


def test_the_exact_inverse_hessian_needs_one_step() -> None:
    assert quadratic(100, precondition_exactly=True).steps == 1
    assert quadratic(1000, precondition_exactly=False).steps > 10


@pytest.mark.parametrize("factor", [0.2, 1.0, 4.0])
def test_a_guess_of_the_curvature_that_is_off_by_a_factor_costs_few_evaluations(factor: float) -> None:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(60, 30))
    centre = 0.3 * random.normal(size=30)
    inverse = np.linalg.inv(matrix.T @ matrix + np.eye(30))
    found = minimize(
        lambda point: log_cosh(matrix, point - centre),
        np.zeros(30),
        precondition=lambda gradient: factor * inverse @ gradient,
        tolerance=1e-7,
        step_limit=200,
    )
    assert found.converged
    assert found.evaluations <= found.steps + 4
    assert found.steps <= 25


def test_a_descent_that_hits_the_step_limit_says_so() -> None:
    cut = quadratic(3, precondition_exactly=False)
    assert not cut.converged
    assert cut.steps == 3
    assert cut.gradient_norm > 1e-8


def test_a_start_at_the_minimum_takes_no_step() -> None:
    result = minimize(
        lambda point: (float(point @ point), 2 * point),
        np.zeros(3),
        precondition=lambda gradient: gradient.copy(),
        tolerance=1e-8,
        step_limit=10,
    )
    assert (result.steps, result.evaluations, result.converged) == (0, 1, True)


def test_a_gradient_that_points_uphill_ends_without_a_claim() -> None:
    result = minimize(
        lambda point: (float(point @ point), -2 * point),
        np.ones(3),
        precondition=lambda gradient: gradient.copy(),
        tolerance=1e-8,
        step_limit=10,
    )
    assert not result.converged
    assert result.steps == 0
