"""No two runs of one person have one name, and a number stays with its run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecore.errors import JobError
from aecore.runs.naming import numbered, told_apart, told_from
from aecore.writing import LONGEST_NAME

words = st.text("ab 1290é", min_size=1, max_size=70).filter(str.strip)


def test_runs_are_numbered_from_one_and_numbers_are_not_given_twice():
    assert numbered("Fast start", []) == "Fast start 1"
    assert numbered("Fast start", ["Fast start 1", "Deep 7"]) == "Fast start 2"
    # The first was deleted: the others keep their numbers.
    assert numbered("Fast start", ["Fast start 2", "fast start 3"]) == "Fast start 4"


def test_a_name_that_somebody_chose_stays_unless_it_is_taken():
    assert told_from("Mine", ["Yours"]) == "Mine"
    assert told_from("Mine", ["mine"]) == "Mine 2"
    assert told_from("Mine 2", ["Mine 2", "Mine 5"]) == "Mine 6"
    with pytest.raises(JobError):
        told_from("  \n", [])


@given(st.lists(words, max_size=12))
def test_names_told_apart_are_all_others_and_can_be_shown(names):
    shown = told_apart(names)
    assert len({name.casefold() for name in shown}) == len(names)
    assert all(0 < len(name) <= LONGEST_NAME for name in shown)
    assert told_apart(shown) == shown
