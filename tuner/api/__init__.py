"""Studies in Python and in notebooks: the command line's own way, with arrays and data frames."""

from tuner.api.launching import launch, load
from tuner.api.study import Study

__all__ = ["Study", "launch", "load"]
