"""Pruning rules, one kind a module: when a trial is hopeless.

Most rank a trial among all trials that reached the same epoch. They decide at certain epochs only,
the rungs.
"""

from storage.pruning.asha import AshaRule
from storage.pruning.hyperband import HyperbandRule
from storage.pruning.median import MedianRule
from storage.pruning.no_pruning import NoPruning
from storage.pruning.promotion import PromotionRule
from storage.pruning.ranking import RankingRule
from storage.pruning.rule import PruningRule
from storage.pruning.trial_at_rung import TrialAtRung

__all__ = [
    "AshaRule",
    "HyperbandRule",
    "MedianRule",
    "NoPruning",
    "PromotionRule",
    "PruningRule",
    "RankingRule",
    "TrialAtRung",
]
