"""Everything that depends on how Optuna stores trials: its tables, and bulk reads of them."""
