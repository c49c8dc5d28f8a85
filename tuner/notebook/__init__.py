"""Studies in Python and in notebooks: the command line's own way, with arrays and data frames."""

from tuner.notebook.launching import launch, load
from tuner.notebook.study import Study

__all__ = ["Study", "launch", "load"]
