"""An encoder and a decoder with attention translate dates, letter by letter.

    tuner launch encoder_decoder.py:objective --trials 20 --direction max

`12 March 1987` becomes `1987-03-12`. The decoder is trained with the right letters before each
(teacher forcing), and measured by what it writes by itself: the share of dates that are all right.
"""

import datetime

import keras
import numpy as np
from keras import layers

from tuner.keras import TrialCallback

WIDEST, LENGTH, START = 17, 10, 1
LETTERS = "\0\1 -0123456789abcdefghijklmnopqrstuvwxyz"


def numbers(texts, length):
    """Returns the letters of ``texts`` as integers of shape (texts, length), padded with 0."""
    return np.array([[LETTERS.index(c) for c in text.ljust(length, "\0")] for text in texts])


def dates(count, seed):
    """Returns ``count`` dates as people write them and as ISO 8601, as integers."""
    days = np.random.default_rng(seed).integers(1, 60_000, count)
    found = [datetime.date(1900, 1, 1) + datetime.timedelta(int(day)) for day in days]
    written = [f"{day.day} {day:%B %Y}".lower() for day in found]
    return numbers(written, WIDEST), numbers([day.isoformat() for day in found], LENGTH)


def shifted(targets):
    """The letter before each one; before the first stands a mark."""
    return np.concatenate([np.full((len(targets), 1), START), targets[:, :-1]], axis=1)


def translate(model, written):
    """Returns what the model writes by itself, its own letters before each."""
    answers = np.zeros((len(written), LENGTH), int)
    for place in range(LENGTH):
        chances = model.predict([written, shifted(answers)], verbose=0)
        answers[:, place] = chances[:, place].argmax(axis=1)
    return answers


def build(trial):
    """A GRU reads, another one writes and attends to what was read."""
    width = trial.suggest_int("width", 32, 128, log=True)
    written = keras.Input((WIDEST,), dtype="int32")
    before = keras.Input((LENGTH,), dtype="int32")
    embed = layers.Embedding(len(LETTERS), trial.suggest_int("embedding", 8, 32, log=True))
    read, state = layers.GRU(width, return_sequences=True, return_state=True)(embed(written))
    x = layers.GRU(width, return_sequences=True)(embed(before), initial_state=state)
    if trial.suggest_categorical("attention", [True, False]):
        x = layers.Concatenate()([x, layers.Attention()([x, read])])
    return keras.Model([written, before], layers.Dense(len(LETTERS), "softmax")(x))


def objective(trial, count=4000, epochs=20):
    """Returns the share of dates that are translated without a fault."""
    keras.utils.set_random_seed(trial.seed)
    (x, y), (x_val, y_val) = dates(count, seed=1), dates(500, seed=2)
    model = build(trial)
    rate = trial.suggest_float("learning_rate", 2e-3, 2e-2, log=True)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(
        [x, shifted(y)],
        y,
        validation_data=([x_val, shifted(y_val)], y_val),
        batch_size=64,
        epochs=epochs,
        verbose=0,
        callbacks=[TrialCallback(trial, "val_accuracy")],
    )
    trial.log_model(model)
    return float((translate(model, x_val) == y_val).all(axis=1).mean())
