"""What TensorFlow would keep of every trial for as long as the process lasts.

None of what is used here is a public interface: without it training costs memory, and works.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

from tensorflow.python.eager import context
from tensorflow.python.framework import func_graph, ops

CUSTOM = "CustomGradient-"  # how TensorFlow begins the names of such gradients
EVERY = 8  # trainings between two clearings, after each of which programs begin 30 ms later once

_trainings = count(1)


def release_graphs() -> None:
    """Lets go of what earlier trainings left in TensorFlow, which is no use to later ones.

    - A function with ``tf.custom_gradient``, such as ``tf.nn.silu``, leaves its gradient in a
      registry each time it is traced, and with it the whole graph: 7 MB a trace. A graph that
      has been traced does not look there again.
    - Each operation leaves a kernel for each shape that it met: 0.4 MB for a model.
    """
    with suppress(AttributeError):
        registry = ops.gradient_registry._registry
        for name in [name for name in registry if name.startswith(CUSTOM)]:
            del registry[name]
    if next(_trainings) % EVERY == 0:
        with suppress(AttributeError):
            context.context().clear_kernel_cache()


def take_apart(function: Any) -> None:
    """Frees the graph of a ``tf.function`` that nobody will call again.

    Its operations refer to each other: it would lie there until garbage is looked for.
    """
    if function.experimental_get_tracing_count():
        with suppress(AttributeError):
            func_graph.dismantle_func_graph(function.get_concrete_function().graph)
