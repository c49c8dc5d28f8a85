"""For training code of one's own in Keras: ``TrialCallback``. Importing this imports Keras."""

from tuner.keras.trial_callback import TrialCallback

__all__ = ["TrialCallback"]
