"""What may be tried: search spaces, and the Keras models that their hyperparameters mean.

A space of your own imports everything from here::

    from search_spaces import Choice, Int, SearchSpace

This package knows nothing of stores or workers, and imports Keras only where it builds a model.
"""

from search_spaces.errors import SpaceError
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.conditions import AtLeast, AtMost, OneOf
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.phases import Phase
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

__all__ = [
    "AtLeast",
    "AtMost",
    "Choice",
    "Float",
    "Inputs",
    "Int",
    "Limits",
    "OneOf",
    "Outputs",
    "Phase",
    "SearchSpace",
    "SpaceError",
]
