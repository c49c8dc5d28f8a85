"""One traced graph for all models of an architecture, whatever their widths and values.

Tracing a Keras model costs more than a short trial's arithmetic, and stock Keras traces every
trial anew. Here an architecture (kinds of layers, activations, optimizer) is traced once in a
process. Widths, batch size, rates, penalties and betas are values that the graph reads, from
variables of unspecified shape; a trial begins by assigning its own.
"""

from tuner.training.shared_graph.graph_epochs import SharedGraphEpochs
from tuner.training.shared_graph.model_reader import Unsupported

__all__ = ["SharedGraphEpochs", "Unsupported"]
