"""What ``launch --dry-run`` shows: the study that would be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.launching import Request


def show(storage: str, request: Request, console: Console, workers: Any, as_json: bool) -> None:
    """Checks a request as ``launch`` does, and prints what would come of it.

    Args:
        workers: As typed: a number, or a word for as many as pay.

    Raises:
        TunerError: As ``launch``; nothing is made in any case.
    """
    from tuner.cli import documents
    from tuner.cli.screen import busy
    from tuner.launching import draft
    from tuner.preview import preview, whole_time

    with busy("Building a few models ..."):
        made = draft(storage, request)
        models = preview(made.spec)
    count = workers if isinstance(workers, int) and workers > 0 else None
    seconds = whole_time(models, trials=made.budget, workers=count)
    if as_json:
        documents.echo(
            {
                "study": made.name,
                "trials": made.budget,
                "seconds": seconds,
                "definition": made.spec.to_dict(),
                "models": [vars(model) for model in models],
            }
        )
    else:
        _print(console, made, models, seconds)


def _print(console: Console, made: Any, models: list[Any], seconds: float) -> None:
    from tuner import words
    from tuner.cli.screen import table

    spec = made.spec
    console.print(f"Study {made.name} would have {made.budget} trials. Nothing was made.")
    facts = {
        "space": " ".join((spec.space, *spec.overrides)),
        "data": spec.data.source,
        **({"objectives": " ".join(g.name for g in spec.goals)} if spec.further else {}),
        "sampler": spec.sampler,
        "pruner": spec.pruner.kind,
        "models go to": spec.artifacts,
    }
    for name, told in facts.items():
        console.print(f"  {name:13} {told}", soft_wrap=True)
    columns = ("parameters", "memory", "time")
    rows = table(*columns, "hyperparameters", right=columns)
    for model in models:
        rows.add_row(
            f"{model.parameters:,}",
            f"{model.memory / 1e6:,.0f} MB",
            words.duration(model.seconds),
            words.settings(model.hyperparameters),
        )
    console.print(rows)
    console.print(
        f"All trials together: about {words.duration(seconds)} of training, less what is pruned."
    )
