"""The one rule of visibility, and where records go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_core import InvalidRequestError, Level, Scope
from memory_core.model.scope import GLOBAL_SCOPE, make_scope

names = st.none() | st.sampled_from(["a", "b"])
scopes = st.builds(Scope, st.sampled_from(["t", "u"]), names, names, names, names)
ALICE = Scope("acme", user="alice", agent="support", session="s", team="red")


@given(scopes, scopes, scopes)
def test_sees_is_an_order(one: Scope, two: Scope, three: Scope) -> None:
    assert one.sees(one)
    assert one.sees(GLOBAL_SCOPE)
    assert not GLOBAL_SCOPE.sees(one)
    if one.sees(two) and two.sees(one):
        assert one == two
    if one.sees(two) and two.sees(three):
        assert one.sees(three)


@given(scopes | st.just(GLOBAL_SCOPE), scopes | st.just(GLOBAL_SCOPE))
def test_the_visible_scopes_are_those_that_are_seen(one: Scope, two: Scope) -> None:
    visible = list(one.visible())
    assert len(visible) == len(set(visible)) <= 17
    assert all(one.sees(scope) for scope in visible)
    assert (two in visible) == one.sees(two)


@given(scopes)
def test_a_scope_sees_where_its_records_go(scope: Scope) -> None:
    assert scope.sees(scope.durable())
    assert scope.sees(scope.private())
    assert scope.durable().durable() == scope.durable(), "a record is not moved twice"
    for level in Level:
        if level is Level.GLOBAL or level is Level.TENANT or getattr(scope, level.value):
            assert scope.sees(scope.at(level))
            assert scope.at(level).level == level
        else:
            with pytest.raises(InvalidRequestError, match=level.value):
                scope.at(level)


@pytest.mark.parametrize(
    ("other", "visible"),
    [
        (Scope("acme"), True),
        (Scope("acme", user="alice"), True),
        (Scope("acme", agent="support"), True),
        (Scope("acme", team="red"), True),
        (Scope("acme", user="alice", agent="support"), True),
        (GLOBAL_SCOPE, True),
        (Scope("acme", user="bob"), False),
        (Scope("acme", user="alice", agent="sales"), False),
        (Scope("acme", user="bob", agent="support"), False),
        (Scope("acme", user="alice", session="s2"), False),
        (Scope("acme", team="blue"), False),
        (Scope("other", user="alice"), False),
        (Scope("acme", user="Alice"), False),
        (Scope("acme", user="alic"), False),
    ],
)
def test_above_never_beside(other: Scope, visible: bool) -> None:
    assert ALICE.sees(other) is visible


def test_levels() -> None:
    assert [ALICE.at(level) for level in Level] == [
        GLOBAL_SCOPE,
        Scope("acme"),
        Scope("acme", user="alice"),
        Scope("acme", user="alice", team="red"),
        Scope("acme", user="alice", agent="support"),
        Scope("acme", user="alice", agent="support", session="s"),
    ]


def test_the_global_scope_has_no_labels() -> None:
    with pytest.raises(InvalidRequestError, match="global scope"):
        Scope("", user="alice")
    with pytest.raises(InvalidRequestError, match="at least one"):
        make_scope()
    assert make_scope(user="alice") == Scope("default", user="alice")
