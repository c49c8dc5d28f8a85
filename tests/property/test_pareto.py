"""The Pareto front: nobody on it is dominated, and everybody else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from optuna.study import StudyDirection
from optuna.study._multi_objective import _get_pareto_front_trials_by_trials
from optuna.trial import create_trial

from storage.pareto import dominates, front, ranking

# Few different values: points that are equal in one coordinate, or in all, are what goes wrong.
VALUES = st.sampled_from([-2.0, 0.0, 0.5, 0.5000001, 3.0, 1e9])
POINTS = st.integers(2, 4).flatmap(
    lambda objectives: st.lists(st.tuples(*[VALUES] * objectives), max_size=12)
)


@given(POINTS)
def test_no_member_is_dominated_and_every_other_point_is(points):
    """By some other point, and no member comes twice."""
    members = front(points)
    assert len(set(members)) == len(members)
    for i, point in enumerate(points):
        dominated = any(dominates(other, point) for other in points)
        assert dominated == (i not in members)


@given(POINTS)
def test_it_is_that_of_optuna(points):
    """Of the same points, all of them minimized."""
    trials = [create_trial(values=list(point)) for point in points]
    for number, trial in enumerate(trials):
        trial.number = number
    directions = [StudyDirection.MINIMIZE] * len(points[0]) if points else []
    found = _get_pareto_front_trials_by_trials(trials, directions)
    assert sorted(front(points)) == [trial.number for trial in found]


@given(POINTS)
def test_the_front_goes_before_all_others_and_both_by_the_first_objective(points):
    """Every point has one rank."""
    order, members = ranking(points), front(points)
    assert sorted(order) == list(range(len(points)))
    assert order[: len(members)] == members
    for part in (members, order[len(members) :]):
        assert [points[i][0] for i in part] == sorted(points[i][0] for i in part)


def test_a_point_dominates_where_it_is_nowhere_higher_and_somewhere_lower():
    """An equal one does not."""
    assert dominates((1, 2), (1, 3))
    assert not dominates((1, 2), (1, 2))
    assert not dominates((1, 3), (2, 2))
