"""Trials whose training is code of the user's own: objective functions, as Optuna knows them."""
