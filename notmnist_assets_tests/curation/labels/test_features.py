"""Gradients against loops over pixels, and components against scikit-learn's PCA."""

import numpy as np
from sklearn.decomposition import PCA

from notmnist_assets.curation.labels import features as module
from notmnist_assets.curation.labels.features import Features, Whitening, gradients
from notmnist_assets_tests.builders import rectangles
from notmnist_assets_tests.curation.letter_problems import letter_like


def test_gradients_are_those_of_loops_over_pixels() -> None:
    images = np.concatenate([rectangles(3), np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)])
    directions = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)]
    expected = np.zeros((len(images), 8, 7, 7))
    for number, image in enumerate(images):
        padded = np.pad(image.astype(int), 1)
        for y in range(28):
            for x in range(28):
                right = padded[y + 1, x + 2] - padded[y + 1, x]
                down = padded[y + 2, x + 1] - padded[y, x + 1]
                for place, (of_right, of_down) in enumerate(directions):
                    along = of_right * right + of_down * down
                    # Twice the positive part, as the sum of the value and its absolute value.
                    expected[number, place, y // 4, x // 4] += 2 * max(along, 0)
    np.testing.assert_array_equal(gradients(images), np.sqrt(expected).reshape(len(images), -1))


def test_components_are_those_of_scikit_learn() -> None:
    sample = np.random.default_rng(0).normal(size=(300, 60)) * np.linspace(1, 9, 60)
    expected = PCA(module.COMPONENTS, whiten=True, svd_solver="full").fit(sample)
    found = Whitening(sample).project(sample)
    signs = np.sign((found * expected.transform(sample)).sum(axis=0))
    np.testing.assert_allclose(found, expected.transform(sample) * signs * np.sqrt(300 / 299), atol=1e-8)


def test_constant_images_and_few_images_have_few_components() -> None:
    assert Features(np.zeros((5, 28, 28), np.uint8)).components == 0
    few = letter_like(4)[0]
    features, components = Features(few).expand(few)
    assert components.shape[1] <= 2 * 3
    assert np.isfinite(features).all()


def test_features_of_a_row_do_not_depend_on_other_rows() -> None:
    images, _ = letter_like(60)
    features = Features(images)
    whole, components = features.expand(images)
    np.testing.assert_allclose(whole[10:20], features.expand(images[10:20])[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(components, features.project(images))
    count = module.COMPONENTS
    assert whole.shape == (60, count + 2 * count * (count + 1) // 2 + 392)
