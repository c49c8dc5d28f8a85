"""Models of how good hyperparameters are, learned from trials, and what they advise to try next."""
