"""What ``launch --dry-run`` shows: the study that would be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.study_setup.launch_request import LaunchRequest


def show(
    storage: str, request: LaunchRequest, console: Console, workers: Any, as_json: bool
) -> None:
    """Checks a request as ``launch`` does, and prints what would come of it.

    Args:
        workers: As typed: a number, or a word for as many as pay.

    Raises:
        TunerError: As ``launch``; nothing is made in any case.
    """
    from tuner.cli import json_output
    from tuner.cli.console import busy, warn
    from tuner.study_setup.create_study import check_launch
    from tuner.study_setup.preview import preview, whole_time

    with busy("Building a few models ..."):
        draft = check_launch(storage, request)
        models = [] if draft.spec.own_training else preview(draft.spec)
    warn(draft.notes)
    count = workers if isinstance(workers, int) and workers > 0 else None
    seconds = whole_time(models, trials=draft.budget, workers=count) if models else None
    if as_json:
        json_output.echo(
            {
                "study": draft.name,
                "exists": draft.exists,
                "trials": draft.budget,
                "seconds": seconds,
                "definition": draft.spec.to_dict(),
                "models": [vars(model) for model in models],
                **({"past": _past(draft)} if draft.past is not None else {}),
            }
        )
    else:
        _print(console, draft, models, seconds)


def _past(draft: Any) -> dict[str, Any]:
    """What is taken from past studies."""
    points = draft.past.points
    return {
        "trials": sum(study.trials for study in draft.past.studies),
        "finished": sum(len(study.finished) for study in draft.past.studies),
        "outside": points.outside,
        "unknown": list(points.unknown),
        "missing": list(points.missing),
        "tried_first": draft.past.tried_first(draft.budget),
    }


def _print(console: Console, draft: Any, models: list[Any], seconds: float | None) -> None:
    from tuner import formatting
    from tuner.cli.console import table

    spec = draft.spec
    if draft.exists:
        console.print(f"Study {draft.name} is there: a launch goes on with it. Nothing was made.")
    else:
        console.print(f"Study {draft.name} would have {draft.budget} trials. Nothing was made.")
    facts = {
        "space": " ".join((spec.space, *spec.overrides)),
        **({"data": f"{spec.data.source}: {draft.outline}"} if spec.has_data else {}),
        **({"objectives": " ".join(g.name for g in spec.objectives)} if spec.further else {}),
        "sampler": spec.sampler,
        "pruner": spec.pruner["kind"],
        "models go to": spec.artifacts,
    }
    for name, fact in facts.items():
        console.print(f"  {name:13} {fact}", soft_wrap=True)
    if draft.past is not None:
        console.print(draft.past.line(draft.budget), soft_wrap=True, markup=False)
    if seconds is None:
        console.print("What it tries and how long it takes, only its objective function knows.")
        return
    columns = ("parameters", "memory", "time")
    rows = table(*columns, "hyperparameters", right=columns)
    for model in models:
        rows.add_row(
            f"{model.parameters:,}",
            f"{model.memory / 1e6:,.0f} MB",
            formatting.duration(model.seconds),
            formatting.settings(model.hyperparameters),
        )
    console.print(rows)
    console.print(
        f"All trials together: about {formatting.duration(seconds)} of training, less what is "
        "pruned."
    )
