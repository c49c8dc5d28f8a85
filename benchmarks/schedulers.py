"""How many epochs pruning rules spend until a good model is found, replayed on learning curves.

    python -m benchmarks.schedulers --orders 200

The curves are those of `benchmarks.learning_curves`: random networks, trained by our engine without
pruning. Each rule gets them one after another in a random order, as one worker would train them,
and decides by the code that studies decide by. What is counted are the epochs until a loss is seen
that only the best 1 % (or 3 %) of all trials reach: the median over the orders, and its share of
what the default needs. `lost` is how often none was found, because the rule had stopped them all.
The paper's rule of promotion lets the best of a rung wait until `reduction` trials are there; ours
does not: `asha-promotion (paper)` is the former.
"""

from __future__ import annotations

import argparse
import bisect
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.learning_curves import TABLE
from storage.pruning import AshaRule, NoPruning, PromotionRule, PruningRule, RankingRule
from tuner.search.pruners import PRUNERS

DEFAULT = "median"
GOALS = (0.01, 0.03)


@dataclass(frozen=True, kw_only=True)
class PaperPromotion(PromotionRule):
    """Promotion as in the paper: of fewer than ``reduction`` trials none passes."""

    def passes(self, reached: int) -> int:
        return reached // self.reduction


RULES: Mapping[str, PruningRule] = {
    "none": NoPruning(),
    "median": PRUNERS["median"],
    "asha": PRUNERS["asha"],
    "asha from epoch 1": AshaRule(warmup=1, startup=3, reduction=3),
    "hyperband": PRUNERS["hyperband"],
    "asha-promotion": PRUNERS["asha-promotion"],
    "asha-promotion (paper)": PaperPromotion(warmup=1, reduction=3),
}


@dataclass
class Replay:
    """A study with one worker, whose trials are curves that are there already.

    Args:
        best: The lowest loss up to each epoch, shape (trials, epochs), in the order of numbers.
        rule: How it prunes.
    """

    best: np.ndarray
    rule: PruningRule
    rungs: dict[int, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    resting: dict[int, tuple[int, int]] = field(default_factory=dict)  # rung and epoch by number

    def epochs_until(self, target: float) -> float:
        """How many epochs are trained until a loss is at most ``target``; infinite if none is."""
        spent, begun = 0, 0
        while True:
            number = self._promotable()
            if number is None:
                if begun == len(self.best):
                    return float("inf")
                number, begun = begun, begun + 1
            first = self.resting.pop(number, (0, 0))[1]
            for epoch in range(first + 1, self.best.shape[1] + 1):
                spent += 1
                if self.best[number, epoch - 1] <= target:
                    return spent
                if self._stops(number, epoch):
                    break

    def _stops(self, number: int, epoch: int) -> bool:
        """Whether the rule rejects a trial after an epoch, which is not its last one."""
        value, rule = float(self.best[number, epoch - 1]), self.rule
        if not np.isfinite(value):
            return True
        if not isinstance(rule, RankingRule) or not rule.is_rung(epoch, number):
            return False
        place = rule.meeting(epoch, number)
        reached = self.rungs[place]
        better, others = bisect.bisect_left(reached, (value,)), len(reached)
        bisect.insort(reached, (value, number))
        if isinstance(rule, PromotionRule):
            if self._passes(number, value, place):
                return False
            self.resting[number] = place, epoch
            return True
        return others >= rule.startup and better >= rule.cut(others)

    def _passes(self, number: int, value: float, place: int) -> bool:
        assert isinstance(self.rule, PromotionRule)
        reached = self.rungs[place]
        return bisect.bisect_left(reached, (value, number)) < self.rule.passes(len(reached))

    def _promotable(self) -> int | None:
        """The resting trial that is next: the best of the highest rung that has one."""
        able = [
            (-place, value, number)
            for number, (place, epoch) in self.resting.items()
            if self._passes(number, value := float(self.best[number, epoch - 1]), place)
        ]
        return min(able)[2] if able else None


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="two orders")
    options = parser.parse_args(words)
    if options.smoke:
        options.orders = 2
    with np.load(options.table) as tables:
        for name in tables.files:
            _print(name, tables[name], options.orders, options.seed)


def _print(name: str, curves: np.ndarray, orders: int, seed: int) -> None:
    best = np.fmin.accumulate(np.where(np.isnan(curves), np.inf, curves), axis=1)
    finals = best[:, -1]
    print(f"\n{name}: {best.shape[0]} curves of {best.shape[1]} epochs, {orders} orders")
    print(f"{'':24}" + "".join(f"{f'best {goal:.0%}':>9}{'share':>7}{'lost':>7}" for goal in GOALS))
    spent = {
        (rule, goal): _spent(best, RULES[rule], np.quantile(finals, goal), orders, seed)
        for rule in RULES
        for goal in GOALS
    }
    for rule in RULES:
        cells = ""
        for goal in GOALS:
            middle = statistics.median(spent[rule, goal])
            share = middle / statistics.median(spent[DEFAULT, goal])
            lost = float(np.mean(np.isinf(spent[rule, goal])))
            cells += f"{middle:9.0f}{share:7.2f}{lost:7.0%}"
        print(f"{rule:24}{cells}")


def _spent(
    best: np.ndarray, rule: PruningRule, target: float, orders: int, seed: int
) -> list[float]:
    random = np.random.default_rng(seed)
    return [
        Replay(best[random.permutation(len(best))], rule).epochs_until(float(target))
        for _ in range(orders)
    ]


if __name__ == "__main__":
    main()
