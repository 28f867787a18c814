"""Minimizing a smooth convex function: limited-memory BFGS with a preconditioner.

Belongs here: the descent method. What is minimized, and how its curvature is guessed, does not.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Point = npt.NDArray[np.float64]
Objective = Callable[[Point], tuple[float, Point]]
"""Takes a point; returns the value and the gradient, which has the shape of the point."""
Preconditioner = Callable[[Point], Point]
"""Applies a symmetric positive definite guess of the inverse Hessian to a gradient."""

MEMORY: Final = 10
HALVINGS: Final = 30
SUFFICIENT_DECREASE: Final = 1e-4
CURVATURE: Final = 0.9
VALUE_NOISE: Final = 1e-6
"""Relative difference of two values that sums of float32 terms cannot be trusted to tell apart."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a descent ended.

    Attributes:
        point: the last accepted point.
        value: objective there.
        gradient_norm: largest absolute entry of the gradient there.
        steps: accepted steps.
        evaluations: calls of the objective, the start included.
        converged: whether `gradient_norm` is at most the tolerance.
    """

    point: Point
    value: float
    gradient_norm: float
    steps: int
    evaluations: int
    converged: bool


class _Pair(NamedTuple):
    """One step, what it changed of the gradient, the guess applied to that, and the curvature along the step."""

    change: Point
    gradient_change: Point
    preconditioned: Point
    curvature: float


def minimize(
    objective: Objective,
    start: Point,
    *,
    precondition: Preconditioner,
    tolerance: float,
    step_limit: int,
) -> Minimum:
    """Minimize a smooth convex function by preconditioned L-BFGS.

    The two-loop recursion of Nocedal and Wright, Numerical Optimization (2006), algorithm 7.4, where the
    preconditioner takes the place of the identity, scaled likewise by the last step (equation 7.20: without it, full
    steps overshoot and every other evaluation is lost). That is L-BFGS after a linear change of variables,
    without leaving the original ones: value, gradient and tolerance are those of the function as given.
    A step is accepted by sufficient decrease or, where rounding hides the decrease, by a flatter slope
    (the approximate Wolfe condition of Hager and Zhang, SIAM Journal on Optimization 16, 2005).

    Args:
        objective: value and gradient at a point.
        start: where to begin, float64 of any shape.
        precondition: approximate inverse Hessian; the better, the fewer steps.
        tolerance: the largest absolute gradient entry that counts as converged.
        step_limit: the most steps to take.

    Returns:
        The last point; `converged` is False when the limit came first or no step could be accepted.
    """
    point = start
    value, gradient = objective(point)
    evaluations, steps, scale = 1, 0, 1.0
    preconditioned = precondition(gradient)
    pairs: deque[_Pair] = deque(maxlen=MEMORY)
    while np.abs(gradient).max() > tolerance and steps < step_limit:
        direction = -_inverse_hessian(gradient, preconditioned, pairs, scale)
        slope = float(np.vdot(gradient, direction))
        length = 1.0
        for _ in range(HALVINGS):
            new_point = point + length * direction
            new_value, new_gradient = objective(new_point)
            evaluations += 1
            new_slope = float(np.vdot(new_gradient, direction))
            decreased = new_value < value and new_value <= value + SUFFICIENT_DECREASE * length * slope
            flatter = abs(new_slope) <= CURVATURE * abs(slope)
            if decreased or (flatter and new_value <= value + VALUE_NOISE * abs(value)):
                break
            # The parabola through both values and the first slope, kept away from both ends.
            excess = new_value - value - length * slope
            length *= float(np.clip(-length * slope / (2 * excess), 0.1, 0.5)) if excess > 0 else 0.5
        else:
            break
        # The guess is linear: applied once to each gradient, it is known for all their sums.
        new_preconditioned = precondition(new_gradient)
        change, gradient_change = new_point - point, new_gradient - gradient
        preconditioned_change = new_preconditioned - preconditioned
        curvature = float(np.vdot(change, gradient_change))
        # Convexity promises a positive curvature; rounding can break it next to the optimum.
        if curvature > 0:
            pairs.append(_Pair(change, gradient_change, preconditioned_change, curvature))
            scale = curvature / float(np.vdot(gradient_change, preconditioned_change))
        point, value, gradient, preconditioned = new_point, new_value, new_gradient, new_preconditioned
        steps += 1
    norm = float(np.abs(gradient).max())
    return Minimum(point, value, norm, steps, evaluations, norm <= tolerance)


def _inverse_hessian(gradient: Point, preconditioned: Point, pairs: deque[_Pair], scale: float) -> Point:
    """Apply the current inverse Hessian estimate to `gradient`; `preconditioned` is the guess applied to it."""
    remainder, result = gradient.copy(), preconditioned.copy()
    shares: list[float] = []
    for pair in reversed(pairs):
        share = float(np.vdot(pair.change, remainder)) / pair.curvature
        remainder -= share * pair.gradient_change
        result -= share * pair.preconditioned
        shares.append(share)
    result *= scale
    for pair, share in zip(pairs, reversed(shares), strict=True):
        result += (share - float(np.vdot(pair.gradient_change, result)) / pair.curvature) * pair.change
    return result
