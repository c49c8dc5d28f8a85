"""Where are the strokes under the noise? A class for each pixel.

    tuner launch unet --data examples/masks.py:strokes --metric iou --trials 20
    tuner launch unet --data examples/masks.py:clean --trials 20

A function returns a mask as the target of each image, integers of the same height and width; or an
image, numbers. Pixels that nobody knows may have a value of their own: ``--mask-value 255``.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits


def _noisy():
    """Scikit-learn's digits with noise of half their strength, and without."""
    images = load_digits().images[..., None].astype("float32") / 16
    noise = np.random.default_rng(0).normal(0, 0.5, images.shape)
    return images + noise.astype("float32"), images


def strokes():
    """Noisy images and their masks: 1 where the ink is darker than half, else 0."""
    noisy, images = _noisy()
    return noisy, (images > 0.5).astype("uint8")


def clean():
    """Noisy images and the same without noise."""
    return _noisy()
