"""How hyperparameters are chosen and hopeless trials are found: samplers, pruners, suggestions."""
