"""Cross-validation with a PCA that each fold fits on its own training rows.

    tuner launch kfold_pca.py:objective --trials 20 --direction max

Fitted on all rows, the PCA would have seen those that validate. Each fold is a step for pruning.
"""

import keras
import numpy as np
import optuna
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def objective(trial):
    """Returns the mean area under the ROC curve over five folds."""
    keras.utils.set_random_seed(trial.seed)
    x, y = load_breast_cancer(return_X_y=True)
    components = trial.suggest_int("components", 2, 20)
    units = trial.suggest_int("units", 4, 64, log=True)
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    scores = []
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for step, (train, validation) in enumerate(folds.split(x, y)):
        prepare = make_pipeline(StandardScaler(), PCA(components))
        rows = prepare.fit_transform(x[train])
        model = keras.Sequential(
            [keras.layers.Dense(units, "relu"), keras.layers.Dense(1, "sigmoid")]
        )
        model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy")
        model.fit(rows, y[train], epochs=10, verbose=0)
        chances = model.predict(prepare.transform(x[validation]), verbose=0)
        scores.append(roc_auc_score(y[validation], chances))
        trial.report(np.mean(scores), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return np.mean(scores)
