"""Parameters of the loss, which exist in a space only where an override names them.

==========================  ======================================================================
``label_smoothing``         of cross-entropies, the usual one of a task among them
``focal_gamma``,            of ``binary_focal_crossentropy`` and ``categorical_focal_crossentropy``
``focal_alpha``             (Lin et al., Focal Loss for Dense Object Detection, 2017)
``huber_delta``             of ``huber``, in standard deviations of the training targets
``tversky_alpha``, ``_beta``  of ``tversky`` (Salehi et al., 2017)
``loss.NAME``               the argument ``NAME`` of a loss in a file of the user's
``loss_weights.OUTPUT``     what the loss of one of several outputs is multiplied with
==========================  ======================================================================

Spaces do not declare them: a space without an override of one stays what it was.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from search_spaces.errors import SpaceError, did_you_mean, shorten
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits, Value, format_value
from search_spaces.parameters.loss_choice import USUAL, LossChoice
from search_spaces.parameters.overrides import narrow
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Outputs, shown_task
from search_spaces.user_code.definitions import find_definition, find_methods
from search_spaces.user_code.source_files import brief, file_of

LOSS = "loss"
OF_OWN_LOSS = "loss."  # before the name of an argument
OF_OUTPUT = "loss_weights."  # before the name of an output
LABEL_SMOOTHING = "label_smoothing"

_SMOOTHED = {LABEL_SMOOTHING: LABEL_SMOOTHING}
_FOCAL = {**_SMOOTHED, "focal_alpha": "alpha", "focal_gamma": "gamma"}
# Of each loss the parameters that it has, and what Keras calls them.
ARGUMENTS: dict[str, dict[str, str]] = {
    USUAL: _SMOOTHED,
    "binary_crossentropy": _SMOOTHED,
    "categorical_crossentropy": _SMOOTHED,
    "sparse_categorical_crossentropy": _SMOOTHED,
    "binary_focal_crossentropy": _FOCAL,
    "categorical_focal_crossentropy": _FOCAL,
    "huber": {"huber_delta": "delta"},
    "tversky": {"tversky_alpha": "alpha", "tversky_beta": "beta"},
}
_NOT_NEGATIVE = Limits(at_least=0)
_ABOVE_ZERO = Limits(above=0)  # at 0 the loss would be the same whatever the model answers
PARAMETERS: dict[str, Parameter] = {
    LABEL_SMOOTHING: Float(
        0.0, 0.2, default=0.0, limits=Limits(at_least=0, below=1), help="share of smoothed labels"
    ),
    "focal_gamma": Float(
        0.0, 5.0, default=2.0, limits=_NOT_NEGATIVE, help="how little easy rows count"
    ),
    "focal_alpha": Float(
        0.05, 0.95, default=0.25, limits=Limits(above=0, at_most=1), help="weight of a class"
    ),
    "huber_delta": Float(
        0.1,
        10.0,
        log=True,
        default=1.0,
        limits=_ABOVE_ZERO,
        help="error beyond which it counts by its size, in spreads of the targets",
    ),
    "tversky_alpha": Float(0.1, 0.9, default=0.5, limits=_ABOVE_ZERO, help="of what is found"),
    "tversky_beta": Float(0.1, 0.9, default=0.5, limits=_ABOVE_ZERO, help="of what is missed"),
}
_OF_OUTPUT = Float(
    0.1, 10.0, log=True, default=1.0, limits=_NOT_NEGATIVE, help="weight of an output's loss"
)


def is_of_loss(name: str) -> bool:
    """Whether a parameter changes the loss: it is the loss itself, or one of the above."""
    return name == LOSS or name in PARAMETERS or name.startswith((OF_OWN_LOSS, OF_OUTPUT))


def are_searched(parameters: Mapping[str, Parameter]) -> bool:
    """Whether trials of one space may learn by different losses."""
    return any(is_of_loss(name) and not one.fixed for name, one in parameters.items())


def named(typed: Mapping[str, str], assembled: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Returns the parameters of the loss that overrides name.

    Args:
        typed: The overrides by name.
        assembled: All other parameters of the space, the loss among them where one can be chosen.

    Raises:
        SpaceError: No loss of the space has such a parameter, or it cannot have such values.
    """
    loss = assembled.get(LOSS)
    if not isinstance(loss, LossChoice):
        return {}
    asked = {n: text for n, text in typed.items() if is_of_loss(n) and n not in assembled}
    return {name: _narrowed(name, text, loss) for name, text in asked.items()}


def arguments_of(hyperparameters: Mapping[str, Any], loss: str) -> dict[str, Any]:
    """Returns the arguments of a loss among hyperparameters, by the names that the loss has."""
    if file_of(loss) is not None:
        return {
            name.removeprefix(OF_OWN_LOSS): value
            for name, value in hyperparameters.items()
            if name.startswith(OF_OWN_LOSS)
            and name.removeprefix(OF_OWN_LOSS) in _taken(loss, name.removeprefix(OF_OWN_LOSS))
        }
    of_loss = ARGUMENTS.get(loss, {})
    return {of_loss[name]: value for name, value in hyperparameters.items() if name in of_loss}


def weights_of(hyperparameters: Mapping[str, Any]) -> dict[str, float]:
    """Returns the weights of outputs among hyperparameters, by output."""
    return {
        name.removeprefix(OF_OUTPUT): value
        for name, value in hyperparameters.items()
        if name.startswith(OF_OUTPUT)
    }


def check_task(parameters: Mapping[str, Parameter], outputs: Outputs) -> None:
    """Refuses parameters that say nothing for a task or its outputs.

    Raises:
        SpaceError: Which one.
    """
    for name in parameters:
        if name.startswith(OF_OUTPUT):
            _check_output(name, outputs)
        elif name in PARAMETERS or name.startswith(OF_OWN_LOSS):
            _check_loss(name, parameters, outputs)
    _check_some_output_counts(parameters, outputs)


def _check_some_output_counts(parameters: Mapping[str, Parameter], outputs: Outputs) -> None:
    weights = [parameters.get(f"{OF_OUTPUT}{output}") for output in outputs.heads or ()]
    if weights and all(weight is not None and weight.contains(0) for weight in weights):
        raise SpaceError(
            f"Expected an output whose {OF_OUTPUT}OUTPUT is above 0 in every trial. Received: "
            "weights that may all be 0, with which nothing is learned."
        )


def _check_output(name: str, outputs: Outputs) -> None:
    if outputs.heads is None:
        raise SpaceError(
            f"Expected {OF_OUTPUT}OUTPUT with several outputs only. Received: {shorten(name)} with "
            f"the task {shown_task(outputs.task)}: leave it out."
        )
    output = name.removeprefix(OF_OUTPUT)
    if output not in outputs.heads:
        raise SpaceError(
            f"Expected {OF_OUTPUT}OUTPUT of one of the outputs {', '.join(outputs.heads)}. "
            f"Received: {shorten(name)}.{did_you_mean(output, outputs.heads)}"
        )


def _check_loss(name: str, parameters: Mapping[str, Parameter], outputs: Outputs) -> None:
    if outputs.heads is not None:
        raise SpaceError(
            f"Expected no {name} beside several outputs, each of which learns by the usual loss of "
            f"its task. Received it: leave it out, or weigh outputs with {OF_OUTPUT}OUTPUT."
        )
    loss = parameters.get(LOSS)
    is_usual = loss is None or (loss.options is not None and USUAL in loss.options)
    if name == LABEL_SMOOTHING and is_usual and "crossentropy" not in outputs.loss:
        raise SpaceError(
            f"Expected {name} with a cross-entropy. Received: the task "
            f"{shown_task(outputs.task)}, which learns by {outputs.loss}: leave it out."
        )


def _narrowed(name: str, text: str, loss: LossChoice) -> Parameter:
    if name.startswith(OF_OUTPUT):
        return narrow(name, replace(_OF_OUTPUT), text)
    losses = list(map(format_value, loss.values))
    taking = [one for one in losses if _takes(one, name)]
    if not taking:
        raise SpaceError(f"{name}={shorten(text)}: {_refusal(name, losses)}")
    if name.startswith(OF_OWN_LOSS):
        parameter = _of_own_loss(name, text, _defaults(taking[0]) or {})
    else:
        parameter = narrow(name, PARAMETERS[name], text)
    # One that is the same in every trial is no hyperparameter: nothing could depend on it.
    return parameter if loss.fixed else replace(parameter, when={LOSS: tuple(taking)})


def _takes(loss: str, name: str) -> bool:
    if name.startswith(OF_OWN_LOSS):
        argument = name.removeprefix(OF_OWN_LOSS)
        return file_of(loss) is not None and argument in _taken(loss, argument)
    return name in ARGUMENTS.get(loss, {})


def _refusal(name: str, losses: Iterable[str]) -> str:
    own = [loss for loss in losses if file_of(loss) is not None]
    received = shorten(", ".join(map(brief, losses)), 60)
    if not name.startswith(OF_OWN_LOSS):
        having = [loss for loss, arguments in ARGUMENTS.items() if name in arguments]
        return f"Expected --set loss={','.join(having[-2:])}. Received: loss={received}."
    if not own:
        return f"Expected a loss of your own, loss=path/file.py:NAME. Received: loss={received}."
    arguments = list(_defaults(own[0]) or {})
    hint = did_you_mean(name.removeprefix(OF_OWN_LOSS), arguments)
    return (
        f"Expected an argument of {brief(own[0])}, which has {shorten(', '.join(arguments), 60)}."
        f"{hint}"
    )


def _taken(loss: str, argument: str) -> Iterable[str]:
    """The arguments of a loss in a file; just the one asked for where nobody knows."""
    defaults = _defaults(loss)
    return (argument,) if defaults is None else defaults


def _defaults(loss: str) -> dict[str, Any] | None:
    """The arguments of a loss in a file with their defaults, as the file is read.

    None where they cannot be told without running it. Those without a plain default have None.
    """
    node = find_definition(loss)
    if isinstance(node, ast.ClassDef):
        node = find_methods(loss).get("__init__")
        skipped = 1
    elif isinstance(node, ast.FunctionDef):
        skipped = 2 if is_of_rows(node) else 0
    if not isinstance(node, ast.FunctionDef) or node.args.kwarg is not None:
        return None
    places = [*node.args.posonlyargs, *node.args.args]
    without = [None] * (len(places) - len(node.args.defaults))
    pairs = [*zip(places, [*without, *node.args.defaults], strict=True)][skipped:]
    pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return {argument.arg: _literal(default) for argument, default in pairs}


def is_of_rows(node: ast.FunctionDef) -> bool:
    """Whether a function takes targets and answers, not what a loss is made of."""
    places = [*node.args.posonlyargs, *node.args.args]
    return len(places) - len(node.args.defaults) == 2


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None


def _of_own_loss(name: str, text: str, defaults: Mapping[str, Any]) -> Parameter:
    """A parameter that nothing but its override and the argument's default describes."""
    default = defaults.get(name.removeprefix(OF_OWN_LOSS))
    if ".." in text:
        whole = isinstance(default, int) and not isinstance(default, bool)
        kind: Any = Int if whole else Float
        return narrow(name, kind(0, 1, default=0, limits=Limits(), help=f"{name}"), text)
    values = [_value(part.strip()) for part in text.split(",")]
    try:
        parameter = Choice(sorted(values) if _are_numbers(values) else values)
    except SpaceError as e:
        raise SpaceError(f"{name}={shorten(text)}: {e}") from e
    return replace(parameter, default=default) if parameter.contains(default) else parameter


def _value(text: str) -> Value:
    words: dict[str, Value] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _are_numbers(values: Iterable[Value]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
