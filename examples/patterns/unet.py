"""A U-Net finds the strokes of digits under noise: one class for each pixel.

    tuner launch unet.py:objective --trials 20 --direction max

Ronneberger et al., 2015, arXiv:1505.04597. The masks are real strokes, scikit-learn's digits; what
the network sees is the strokes with noise of half their strength.
"""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from tuner.keras import TrialCallback


def images():
    """Returns noisy images and masks of the strokes, both of shape (rows, 16, 16, 1)."""
    clean = np.kron(load_digits().images / 16, np.ones((2, 2)))[..., None].astype("float32")
    noise = np.random.default_rng(0).normal(0, 0.5, clean.shape)
    return clean + noise.astype("float32"), (clean > 0.5).astype("float32")


def build(trial):
    """Encoder and decoder with skips between levels of the same size."""
    filters, depth = trial.suggest_int("filters", 4, 16, log=True), trial.suggest_int("depth", 1, 3)
    transposed = trial.suggest_categorical("transposed", [True, False])
    x = pixels = keras.Input((16, 16, 1))
    skips = []
    for level in range(depth):
        x = layers.Conv2D(filters * 2**level, 3, activation="relu", padding="same")(x)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(filters * 2**depth, 3, activation="relu", padding="same")(x)
    for skip in reversed(skips):
        wide = skip.shape[-1]
        up = layers.Conv2DTranspose(wide, 2, strides=2) if transposed else layers.UpSampling2D()
        x = layers.Concatenate()([up(x), skip])
        x = layers.Conv2D(wide, 3, activation="relu", padding="same")(x)
    return keras.Model(pixels, layers.Conv2D(1, 1, activation="sigmoid")(x))


def objective(trial, epochs=10):
    """Returns the intersection over union of the strokes in the last quarter of the images."""
    keras.utils.set_random_seed(trial.seed)
    x, y = images()
    border = len(x) * 3 // 4
    model = build(trial)
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    iou = keras.metrics.BinaryIoU(target_class_ids=[1], name="iou")
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=[iou])
    validation = x[border:], y[border:]
    model.fit(
        x[:border],
        y[:border],
        validation_data=validation,
        epochs=epochs,
        verbose=0,
        callbacks=[TrialCallback(trial, "val_iou")],
    )
    trial.log_model(model)
    return model.evaluate(*validation, verbose=0, return_dict=True)["iou"]
