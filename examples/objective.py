"""An objective function: training code of one's own, as Optuna knows it.

    tuner launch objective.py:objective --trials 20 --direction max

It trains scikit-learn, so that TensorFlow is never imported. Killed, it resumes from the model in
the trial's folder. ``fit_keras`` does the same for Keras, with one callback:

    tuner launch objective.py:fit_keras --data digits --trials 20
"""

import pickle

import optuna
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

EPOCHS = 10


def objective(trial):
    """Returns the accuracy of a linear classifier on the validation part."""
    x, y = load_digits(return_X_y=True)
    x, x_validation, y, y_validation = train_test_split(x / 16, y, random_state=0)
    model = SGDClassifier(
        loss=trial.suggest_categorical("loss", ["hinge", "log_loss", "modified_huber"]),
        alpha=trial.suggest_float("alpha", 1e-6, 1e-1, log=True),
        random_state=trial.seed,
    )
    done, kept = 0, trial.folder / "model.pkl"
    if trial.resumed:
        done, model = pickle.loads(kept.read_bytes())
    for epoch in range(done, EPOCHS):
        model.partial_fit(x, y, classes=range(10))
        kept.write_bytes(pickle.dumps((epoch + 1, model)))
        trial.report(model.score(x_validation, y_validation), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.log_artifact(kept)
    return model.score(x_validation, y_validation)


def fit_keras(trial, data):
    """Returns the validation loss of a network on the data of ``--data``, scaled and split."""
    import keras

    from tuner.keras import TrialCallback

    model = keras.Sequential(
        [
            keras.Input(data.inputs.shape),
            keras.layers.Flatten(),
            keras.layers.Dense(trial.suggest_int("units", 16, 128, log=True), "relu"),
            keras.layers.Dropout(trial.suggest_float("dropout", 0, 0.5)),
            keras.layers.Dense(data.outputs.units, data.outputs.activation),
        ]
    )
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    model.compile(keras.optimizers.Adam(rate), loss=data.outputs.loss)
    validation = (data.validation.x, data.validation.y)
    model.fit(
        data.train.x,
        data.train.y,
        epochs=EPOCHS,
        validation_data=validation,
        verbose=0,
        callbacks=[TrialCallback(trial)],
    )
    trial.log_model(model)
    return model.evaluate(*validation, verbose=0)
