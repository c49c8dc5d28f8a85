"""The global state of NumPy, matplotlib, Keras and TensorFlow, setting by setting.

None of them is imported here: that would take seconds.
"""

from __future__ import annotations

import sys
from typing import Any

from search_spaces.user_code.setting import Setting, from_to, get_set

KERAS_STATE = "keras.src.backend.common.global_state"
SERIALIZATION = "keras.src.saving.serialization_lib"
CONTEXT = "tensorflow.python.eager.context"
CONFIG = "tensorflow.python.framework.config"


def _safe_mode() -> bool:
    """Whether Keras refuses code within model files; its own attribute is None until it is set."""
    return sys.modules[SERIALIZATION].in_safe_mode() is not False


def _set_safe_mode(on: bool) -> None:
    put = sys.modules[KERAS_STATE].set_global_attribute
    put("safe_mode_saving", None if on else False)


def _keras_seed() -> int | None:
    seed: int | None = sys.modules[KERAS_STATE].get_global_attribute("global_random_seed")
    return seed


def _set_keras_seed(seed: int | None) -> None:
    put = sys.modules[KERAS_STATE].set_global_attribute
    put("global_random_seed", seed)
    put("global_seed_generator", None)  # Keras makes a new one from the seed when needed


def _get_matplotlib() -> dict[str, Any]:
    params = sys.modules["matplotlib"].rcParams  # its own methods check each value
    values = {name: dict.__getitem__(params, name) for name in dict.__iter__(params)}
    values.pop("backend", None)  # matplotlib chooses one at the first figure
    return values


def _set_matplotlib(value: dict[str, Any]) -> None:
    dict.update(
        sys.modules["matplotlib"].rcParams, value
    )  # without validation and warnings, as in its own rc_context


LIBRARY_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="numpy.random",
        library="numpy.random",
        take=lambda: sys.modules["numpy.random"].get_state(),
        put=lambda state: sys.modules["numpy.random"].set_state(state),
        reported=False,
    ),
    Setting(
        name="NumPy's treatment of errors",
        library="numpy",
        take=lambda: sys.modules["numpy"].geterr(),
        put=lambda value: sys.modules["numpy"].seterr(**value),
    ),
    Setting(
        name="matplotlib's settings",
        library="matplotlib",
        take=_get_matplotlib,
        put=_set_matplotlib,
    ),
    get_set("floatx", "keras.config.floatx", "keras.config.set_floatx"),
    get_set("epsilon", "keras.config.epsilon", "keras.config.set_epsilon"),
    get_set(
        "the image data format",
        "keras.config.image_data_format",
        "keras.config.set_image_data_format",
    ),
    # A model with a Python lambda in it would pass for one that anybody can load.
    Setting(
        name="Keras's safe mode",
        library=SERIALIZATION,
        take=_safe_mode,
        put=_set_safe_mode,
    ),
    get_set("the dtype policy", "keras.config.dtype_policy", "keras.config.set_dtype_policy"),
    Setting(name="Keras's seed", library=KERAS_STATE, take=_keras_seed, put=_set_keras_seed),
    Setting(
        name="TensorFlow's seed",
        library=CONTEXT,
        take=lambda: sys.modules[CONTEXT].global_seed(),
        put=lambda seed: sys.modules[CONTEXT].set_global_seed(seed),
        describe=from_to("TensorFlow's seed"),
    ),
    Setting(
        name="eager execution of functions",
        library="tensorflow",
        take=lambda: sys.modules["tensorflow"].config.functions_run_eagerly(),
        put=lambda on: sys.modules["tensorflow"].config.run_functions_eagerly(on),
    ),
    Setting(
        name="TensorFlow's just-in-time compilation",
        library="tensorflow",
        take=lambda: sys.modules["tensorflow"].config.optimizer.get_jit(),
        put=lambda kind: sys.modules["tensorflow"].config.optimizer.set_jit(kind or False),
    ),
    Setting(
        name="TensorFlow's determinism",
        library=CONFIG,
        take=lambda: sys.modules[CONFIG].is_op_determinism_enabled(),
        put=lambda on: (
            sys.modules[CONFIG].enable_op_determinism()
            if on
            else sys.modules[CONFIG].disable_op_determinism()
        ),
    ),
    Setting(
        name="TensorFloat-32",
        library="tensorflow",
        take=lambda: sys.modules[
            "tensorflow"
        ].config.experimental.tensor_float_32_execution_enabled(),
        put=lambda on: sys.modules[
            "tensorflow"
        ].config.experimental.enable_tensor_float_32_execution(on),
    ),
)
