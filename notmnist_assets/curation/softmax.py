"""The softmax model over many letter images: loss, gradient, curvature and scores, in blocks of rows.

Belongs here: sums over rows, with pixels that stay uint8 and small float32 buffers that are used again.
How the loss is minimized and what the scores are compared with does not.

A row's features are x = (pixel - 127.5) / 255, 784 of them, and a constant 1. Parameters are float64
(classes, 785), the intercept last; the class probabilities are softmax(parameters @ [x, 1]).
Products are float32; block sums are added in float64 in the order of the blocks, so a result depends neither
on the number of workers nor on their timing. A float32 copy of 200,000 rows would take 627 MB; converting them
anew in each pass costs a sixth of the pass.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.images import PIXEL_DEPTH, PIXELS, Images
from notmnist_assets.curation.lbfgs import Point

BLOCK_ROWS: Final = 1024
"""Rows converted at a time: fewer make the threads wait for each other, more leave a core's cache."""
TILE_ROWS: Final = 64
"""Rows of one product. OpenBLAS multiplies so few without packing them first, which halves the time."""
GRAM_ROWS: Final = 4096
CENTRE: Final = 0.5
"""Mid-gray in units of `PIXEL_DEPTH`: x = pixel / PIXEL_DEPTH - CENTRE."""

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Result = TypeVar("Result")


class SoftmaxRows:
    """Labelled images seen by the softmax model.

    Attributes:
        rows: number of images.
        classes: number of classes.
    """

    def __init__(
        self,
        images: Images,
        labels: Labels,
        classes: int,
        *,
        pool: ThreadPoolExecutor,
        workers: int,
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        """Take uint8 (n, 28, 28) images, a memory map too, and int32 (n,) labels below `classes`.

        Blocks are of `block_rows` rows, rounded up to whole tiles.
        """
        self._pixels = images.reshape(len(images), PIXELS)
        self._labels = labels
        self._pool = pool
        self._workers = workers
        self._block_rows = -(-block_rows // TILE_ROWS) * TILE_ROWS
        self._buffers = [np.zeros((self._block_rows, PIXELS), np.float32) for _ in range(workers)]
        self.rows = len(images)
        self.classes = classes

    def loss_and_gradient(self, parameters: Point) -> tuple[float, Point]:
        """Return the summed log loss and its gradient, float64 (classes, 785)."""
        weights, offsets = _pixel_weights(parameters)

        def block(tiles: Floats, start: int, count: int) -> tuple[float, Floats, Point]:
            # Classes come first: what follows then runs along rows, of which there are many.
            by_tile = np.ascontiguousarray((tiles @ weights).transpose(2, 0, 1))
            scores = by_tile.reshape(len(by_tile), -1)
            scores += offsets[:, None]
            scores -= scores.max(axis=0)
            truth = (self._labels[start : start + count], np.arange(count))
            of_truth = scores[truth]
            np.exp(scores, out=scores)
            totals = scores.sum(axis=0)
            scores /= totals
            scores[truth] -= 1
            scores[:, count:] = 0
            loss = float((np.log(totals[:count]) - of_truth).sum(dtype=np.float64))
            by_pixel = (by_tile.transpose(1, 0, 2) @ tiles).sum(axis=0)
            return loss, by_pixel, scores.sum(axis=1, dtype=np.float64)

        loss = 0.0
        gradient = np.zeros((self.classes, PIXELS + 1))
        for block_loss, by_pixel, by_constant in self._over_blocks(block):
            loss += block_loss
            gradient[:, :PIXELS] += by_pixel
            gradient[:, PIXELS] += by_constant
        gradient[:, :PIXELS] /= PIXEL_DEPTH
        gradient[:, :PIXELS] -= CENTRE * gradient[:, PIXELS:]
        return loss, gradient

    def scores(self, parameters: Point) -> Floats:
        """Return parameters @ [x, 1] of every row, float32 (n, classes)."""
        weights, offsets = _pixel_weights(parameters)
        result = np.empty((self.rows, self.classes), np.float32)

        def block(tiles: Floats, start: int, count: int) -> None:
            result[start : start + count] = (tiles @ weights).reshape(-1, self.classes)[:count]

        self._over_blocks(block)
        result += offsets
        return result

    def probabilities(self, parameters: Point) -> Floats:
        """Return the class probabilities of every row, float32 (n, classes)."""
        result = self.scores(parameters)
        result -= result.max(axis=1, keepdims=True)
        np.exp(result, out=result)
        result /= result.sum(axis=1, keepdims=True)
        return result

    def weighted_grams(self, row_weights: list[tuple[npt.NDArray[np.intp], Floats]]) -> list[Point]:
        """Return sum of weight * [x, 1] [x, 1]^T over chosen rows, float64 (785, 785), for each choice.

        Args:
            row_weights: for each matrix the row numbers, ascending, and their weights (0 or more).
        """

        def gram(rows: npt.NDArray[np.intp], weights: Floats) -> Point:
            total = np.zeros((PIXELS + 1, PIXELS + 1))
            features = np.empty((min(GRAM_ROWS, len(rows)), PIXELS + 1), np.float32)
            for start in range(0, len(rows), GRAM_ROWS):
                chosen = rows[start : start + GRAM_ROWS]
                scaled = features[: len(chosen)]
                np.divide(self._pixels[chosen], np.float32(PIXEL_DEPTH), out=scaled[:, :PIXELS])
                scaled[:, :PIXELS] -= np.float32(CENTRE)
                scaled[:, PIXELS] = 1
                scaled *= np.sqrt(weights[start : start + len(chosen), None])
                total += scaled.T @ scaled
            return total

        return list(self._pool.map(gram, *zip(*row_weights, strict=True)))

    def _over_blocks(self, work: Callable[[Floats, int, int], Result]) -> list[Result]:
        """Return `work(pixels, first row, rows)` of every block, in the order of the blocks.

        The pixels are float32 (tiles, TILE_ROWS, 784); behind the last row, what earlier blocks left there.
        """
        starts = range(0, self.rows, self._block_rows)

        def share(worker: int) -> list[Result]:
            results = []
            buffer = self._buffers[worker]
            for start in starts[worker :: self._workers]:
                raw = self._pixels[start : start + self._block_rows]
                np.copyto(buffer[: len(raw)], raw)
                filled = buffer[: -(-len(raw) // TILE_ROWS) * TILE_ROWS]
                results.append(work(filled.reshape(-1, TILE_ROWS, PIXELS), start, len(raw)))
            return results

        shares = list(self._pool.map(share, range(self._workers)))
        return [shares[block % self._workers][block // self._workers] for block in range(len(starts))]


def _pixel_weights(parameters: Point) -> tuple[Floats, Floats]:
    """Return float32 (784, classes) weights and (classes,) offsets that apply to raw pixels 0 to 255."""
    weights = parameters[:, :PIXELS]
    offsets = parameters[:, PIXELS] - CENTRE * weights.sum(axis=1)
    return np.ascontiguousarray((weights / PIXEL_DEPTH).T, np.float32), offsets.astype(np.float32)
