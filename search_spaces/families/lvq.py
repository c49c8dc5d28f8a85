"""Learning vector quantisation: classes by their nearest prototype."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.families import common_layers
from search_spaces.optimizers import OURS
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras

RULES = ("glvq", "lvq1", "lvq2.1")


class LVQ(SearchSpace):
    """Learning vector quantisation (LVQ1, LVQ2.1, GLVQ): classes by their nearest prototype.

    Kohonen, Improved Versions of Learning Vector Quantization, 1990; Sato and Yamada, Generalized
    Learning Vector Quantization, 1995. A class's probability is the softmax of its nearest
    prototype's negative squared distance, times a sharpness that is learned by the loss; so all
    trials are compared by the same cross-entropy, whatever moves their prototypes.
    """

    own_loss = True
    name = "lvq"
    tasks = ("binary", "classes")
    alternative = "mlp, which can learn numbers"

    rule = Choice(
        RULES,
        help="learning rule",
    )
    prototypes = Int(
        1, 16, log=True, default=4, limits=Limits(at_least=1), help="prototypes per class"
    )
    window = Float(
        0.1,
        0.4,
        step=0.1,
        default=0.3,
        limits=Limits(above=0, below=1),
        when={"rule": "lvq2.1"},
        help="relative width of the window between two prototypes",
    )
    # No optimizer that pulls prototypes to the origin.
    optimizer = Choice(
        ["adam", "sgd", "rmsprop"],
        allowed=tuple(OURS),
        help="optimizer of the prototypes",
    )
    learning_rate = Float(
        1e-3, 0.3, log=True, default=0.02, limits=Limits(above=0), help="initial learning rate"
    )

    initial_points = (
        {"rule": "lvq1", "optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.1,
         "schedule": "inverse_time", "decay": 1e-2, "prototypes": 8},
        {"rule": "glvq", "prototypes": 8, "schedule": "cosine", "batch_size": 64, "epochs": 30},
        {"rule": "glvq", "prototypes": 1, "schedule": "cosine", "learning_rate": 0.05},
    )  # fmt: skip

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        from search_spaces.families.lvq_model import LVQModel

        self.check(inputs, outputs)
        classes, each = max(2, outputs.units), hyperparameters["prototypes"]
        rows = common_layers.rows(inputs)
        # -|x - w|^2 = 2 w x - |w|^2 - |x|^2, whose last term is the same for all classes.
        x = keras.layers.Dense(each * classes, trainable=False, dtype="float32", name="prototypes")(
            common_layers.flat(rows)
        )
        x = keras.layers.Reshape((each, classes), name="by_class")(x)
        x = keras.layers.GlobalMaxPooling1D(dtype="float32", name="nearest")(x)
        if outputs.task == "binary":
            x = keras.layers.Dense(
                1, "sigmoid", use_bias=False, trainable=False, dtype="float32", name="head"
            )(x)
        else:
            x = keras.layers.Activation("softmax", dtype="float32", name="head")(x)
        return LVQModel(
            rows,
            x,
            name=self.name,
            rule=hyperparameters["rule"],
            window=hyperparameters.get("window", 0.0),
            classes=classes,
            each=each,
        )
