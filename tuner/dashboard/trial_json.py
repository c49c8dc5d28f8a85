"""The trials of one study as JSON, each made once and again only where it has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard._inmemory_cache import _CachedExtraStudyProperty
from optuna_dashboard._serializer import serialize_frozen_trial

from storage.pareto import Point, front
from storage.trial_annotations import TrialAnnotation
from tuner.dashboard.trial_captions import captioned

# 5,000 trials with 20 values each are 10.8 MB of JSON that take a second to make; trials that
# have ended do not change, but for what users note on them and for models that are removed.


def compact(value: Any) -> bytes:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


Extras = Mapping[int, Mapping[str, Any]]


class TrialCache:
    """What has been told of a study, and since when.

    Attributes:
        version: Grows with every change.
        extra: optuna-dashboard's summary: search spaces, attributes, whether there are curves.
    """

    def __init__(self, study_id: int, directions: Sequence[StudyDirection]) -> None:
        self._study_id = study_id
        self._signs = [
            -1 if direction == StudyDirection.MAXIMIZE else 1 for direction in directions
        ]
        self._texts: list[bytes] = []
        self._changed: list[int] = []  # the version of each text
        self._ended: set[int] = set()
        self._head: dict[str, tuple[bytes, int]] = {}  # with the version of each part
        # Numbers and objectives, the lower the better: of complete trials that may be the best.
        self._best: dict[int, Point] = {}
        self._extras: Extras = {}
        self._models: frozenset[int] = frozenset()
        self.version = 0
        self.extra = _CachedExtraStudyProperty()

    def update(
        self,
        trials: list[FrozenTrial],
        extras: Extras,
        models: frozenset[int],
        captions: Callable[[list[int]], Mapping[int, TrialAnnotation]],
    ) -> None:
        """Takes in how a study is now.

        Args:
            trials: All, by number.
            extras: By trial id, what the study's attributes hold for it (notes, files).
            models: Ids of the trials whose model is kept.
            captions: Finds the captions of trials, by their ids.
        """
        stale = self._touched(extras) | (models ^ self._models)
        fresh = [t for t in trials if t.number not in self._ended or t._trial_id in stale]
        self._extras, self._models = extras, models
        by_trial = captions([trial._trial_id for trial in fresh])
        self.version += 1
        for trial in fresh:
            self._write(trial, by_trial.get(trial._trial_id))
        self._summarise(fresh)

    def head(self, parts: Mapping[str, Any]) -> None:
        """Takes in everything but the trials; call it after ``update``."""
        for name, part in parts.items():
            text = compact(part)
            if self._head.get(name, (b"", 0))[0] != text:
                self._head[name] = text, self.version

    def head_since(self, version: int) -> bytes:
        """What has changed of it after a version, as the inside of a JSON object."""
        changed = {name: text for name, (text, at) in self._head.items() if at > version}
        return b",".join(b'"%s":%s' % (name.encode(), text) for name, text in changed.items())

    def since(self, version: int) -> bytes:
        """The trials that have changed after a version, as the inside of a JSON list."""
        changed = zip(self._texts, self._changed, strict=True)
        return b",".join(text for text, at in changed if at > version)

    def after(self, number: int) -> bytes:
        """The trials from a number on, as the inside of a JSON list."""
        return b",".join(self._texts[number:])

    def best(self) -> list[Any]:
        """The best complete trial, or with several objectives those on the Pareto front."""
        return [json.loads(self._texts[number]) for number in sorted(self._best)]

    @property
    def newest(self) -> int:
        """The version of the last change."""
        return max([*self._changed, *(at for _, at in self._head.values())], default=0)

    def _touched(self, extras: Extras) -> set[int]:
        ids = extras.keys() | self._extras.keys()
        return {i for i in ids if extras.get(i) != self._extras.get(i)}

    def _write(self, trial: FrozenTrial, caption: TrialAnnotation | None) -> None:
        attributes = dict(self._extras.get(trial._trial_id, {}))
        fields = serialize_frozen_trial(self._study_id, trial, attributes)
        if caption is not None:
            fields = captioned(fields, caption)
        text = compact(fields)
        if trial.number == len(self._texts):
            self._texts.append(text)
            self._changed.append(self.version)
        elif self._texts[trial.number] != text:
            self._texts[trial.number] = text
            self._changed[trial.number] = self.version

    def _summarise(self, fresh: Iterable[FrozenTrial]) -> None:
        trials = list(fresh)
        # It remembers the first unfinished trial and would go through all after it each time;
        # it only ever adds, so that it can be shown the changed ones alone.
        self.extra._cursor = -1
        # A trial that has just begun has no parameters, and would leave none in common.
        self.extra.update([t for t in trials if t.distributions or t.state.is_finished()])
        for trial in trials:
            if trial.state.is_finished():
                self._ended.add(trial.number)
        points = {trial.number: self._point(trial) for trial in trials}
        self._weigh({number: point for number, point in points.items() if point is not None})

    def _point(self, trial: FrozenTrial) -> Point | None:
        if trial.state != TrialState.COMPLETE or len(trial.values) != len(self._signs):
            return None
        return [sign * value for sign, value in zip(self._signs, trial.values, strict=True)]

    def _weigh(self, new: dict[int, Point]) -> None:
        """Keeps of the best trials and new ones those that no other one dominates."""
        if not new:
            return
        points = dict(sorted({**self._best, **new}.items()))
        numbers = list(points)
        chosen = [numbers[i] for i in front(list(points.values()))]
        if len(self._signs) == 1:  # of equal ones the first
            chosen = chosen[:1]
        self._best = {number: points[number] for number in chosen}
