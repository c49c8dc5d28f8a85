"""Code that was written for KerasTuner: `build(hp)` functions and `HyperModel` classes."""
