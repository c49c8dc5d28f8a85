"""A ``HyperModel`` of KerasTuner that trains by itself, unchanged; KerasTuner is not needed.

    tuner launch hypermodel.py:Net --data digits --objective val_accuracy --argument epochs=5

``fit`` trains twice: the last layer alone, then all layers. It may ask ``hp`` for hyperparameters,
too. Killed, it resumes in the middle of either.
"""

import keras
import keras_tuner as kt


class Net(kt.HyperModel):
    """Digits, with a body that is frozen at first."""

    def build(self, hp):
        """Returns a model for rows of 64 numbers and 10 classes."""
        model = keras.Sequential(
            [
                keras.Input((64,)),
                keras.layers.Dense(hp.Int("units", 32, 128, step=32), "relu", trainable=False),
                keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1)),
                keras.layers.Dense(10, "softmax"),
            ]
        )
        self.compile(model, rate=0.01)
        return model

    def compile(self, model, rate):
        """Makes the model forget its optimizer, but not its weights."""
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])

    def fit(self, hp, model, *args, **kwargs):
        """Returns the history of the second training, whose best epoch counts."""
        kwargs["batch_size"] = hp.Choice("batch_size", [32, 64])
        model.fit(*args, verbose=0, **kwargs)
        model.trainable = True
        self.compile(model, rate=hp.Float("fine_rate", 1e-4, 1e-2, sampling="log"))
        return model.fit(*args, verbose=0, **kwargs)
