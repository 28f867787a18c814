"""Minimizing a smooth convex function: limited-memory BFGS with a preconditioner.

Belongs here: the descent method. What is minimized, and how its curvature is guessed, does not.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

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
    pairs: deque[tuple[Point, Point, float]] = deque(maxlen=MEMORY)
    while np.abs(gradient).max() > tolerance and steps < step_limit:
        direction = -_inverse_hessian(gradient, pairs, precondition, scale)
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
        change, gradient_change = new_point - point, new_gradient - gradient
        curvature = float(np.vdot(change, gradient_change))
        # Convexity promises a positive curvature; rounding can break it next to the optimum.
        if curvature > 0:
            pairs.append((change, gradient_change, curvature))
            scale = curvature / float(np.vdot(gradient_change, precondition(gradient_change)))
        point, value, gradient = new_point, new_value, new_gradient
        steps += 1
    norm = float(np.abs(gradient).max())
    return Minimum(point, value, norm, steps, evaluations, norm <= tolerance)


def _inverse_hessian(
    gradient: Point, pairs: deque[tuple[Point, Point, float]], precondition: Preconditioner, scale: float
) -> Point:
    """Apply the current inverse Hessian estimate to `gradient`."""
    remainder = gradient.copy()
    shares: list[float] = []
    for change, gradient_change, curvature in reversed(pairs):
        share = float(np.vdot(change, remainder)) / curvature
        remainder -= share * gradient_change
        shares.append(share)
    result = scale * precondition(remainder)
    for (change, gradient_change, curvature), share in zip(pairs, reversed(shares), strict=True):
        result += (share - float(np.vdot(gradient_change, result)) / curvature) * change
    return result
