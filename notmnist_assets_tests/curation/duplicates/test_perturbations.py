"""Perturbed copies: format, strength and order of strengths."""

from collections.abc import Iterator

import numpy as np

from notmnist_assets.curation.core.images import Images
from notmnist_assets.curation.duplicates.perturbations import PERTURBATIONS, Perturbation, perturbed_copies
from notmnist_assets_tests.builders import rectangles


def all_copies(images: Images, seed: int) -> Iterator[tuple[Perturbation, float, Images]]:
    for kind, perturbation in enumerate(PERTURBATIONS):
        for step, strength in enumerate(perturbation.strengths):
            yield perturbation, strength, perturbed_copies(images, kind, step, seed)


def test_perturbed_copies_have_the_format_of_the_originals_which_are_not_changed() -> None:
    images = rectangles(20)
    before = images.copy()
    for perturbation, strength, copies in all_copies(images, 3):
        assert copies.dtype == np.uint8, perturbation.name
        assert copies.shape == images.shape, perturbation.name
        assert (copies != images).any(), (perturbation.name, strength)
    np.testing.assert_array_equal(images, before)


def test_stronger_perturbations_move_copies_further_away() -> None:
    images = rectangles(40)
    for perturbation in PERTURBATIONS:
        distances = [
            float(np.abs(copies.astype(np.int64) - images).sum())
            for other, _, copies in all_copies(images, 5)
            if other is perturbation
        ]
        if perturbation.name != "resize":  # its first strength enlarges images, the others shrink them
            assert distances == sorted(distances), perturbation.name


def test_noise_changed_pixels_and_quantization_have_their_strength() -> None:
    images = rectangles(30)
    for perturbation, strength, copies in all_copies(images, 9):
        difference = np.abs(copies.astype(np.int64) - images)
        if perturbation.name == "gray noise":
            assert difference.max() == strength
        if perturbation.name == "changed pixels":
            assert (difference > 0).sum(axis=(1, 2)).max() <= strength
        if perturbation.name == "quantization":
            assert len(np.unique(copies)) <= strength
