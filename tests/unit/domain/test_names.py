"""Names and slugs: every name has a slug that fits in paths, labels and DNS names, and no two share one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primehub_services.domain.names import (
    SLUG_MAX,
    check_display_name,
    check_hub_name,
    check_name,
    is_slug,
    make_slug,
    normalized,
)

DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")


def _valid(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    return True


# letters of any script with the marks that a name may have within
names = (
    st.text(st.one_of(st.characters(categories=("L", "N")), st.sampled_from("-_.")), min_size=1, max_size=63)
    .filter(_valid)
    .map(check_name)
)


@given(names, st.sets(names))
def test_a_slug_is_free_and_fits_everywhere(name: str, others: set[str]) -> None:
    taken: set[str] = set()
    for other in others:
        taken.add(make_slug(other, taken.__contains__))
    slug = make_slug(name, taken.__contains__)
    assert slug not in taken
    assert is_slug(slug)
    assert DNS_LABEL.match(slug)
    assert len(slug) <= SLUG_MAX
    assert slug not in (".", "..")


@given(names)
def test_the_same_name_again_has_another_slug(name: str) -> None:
    first = make_slug(name, lambda _slug: False)
    assert make_slug(name, lambda slug: slug == first) != first


@given(names)
def test_a_name_that_can_be_a_slug_is_its_own(name: str) -> None:
    slug = make_slug(name, lambda _slug: False)
    assert (slug == name) == is_slug(name)


@given(names, st.integers(0, 3), st.uuids())
def test_the_slug_of_an_owned_thing_does_not_tell_whether_the_name_was_taken(
    name: str, earlier: int, owner: object
) -> None:
    taken = {make_slug(name, lambda _slug: False, owner=f"other-{n}") for n in range(earlier)}
    slug = make_slug(name, taken.__contains__, owner=str(owner))
    assert re.search(r"-[0-9a-f]{8}$", slug)
    assert slug == make_slug(name, lambda _slug: False, owner=str(owner))


@pytest.mark.parametrize("name", ["research", "Team_A", "數據科學", "données", "हिन्दी", "a", "9", "x" * 63, "a.b-c_d"])
def test_names_of_any_script_are_taken(name: str) -> None:
    assert check_name(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "1 to 63"),
        ("x" * 64, "1 to 63"),
        ("-a", "begin and end"),
        ("a-", "begin and end"),
        ("..", "begin and end"),
        ("a b", "letters, digits"),
        ("a/b", "letters, digits"),
        ("a\nb", "letters, digits"),
        ("a\u202eb", "letters, digits"),
        ("a\0b", "letters, digits"),
    ],
)
def test_what_is_no_name_is_refused_with_the_rule(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_name(name)


def test_two_ways_to_write_a_name_are_one() -> None:
    assert check_name("e\u0301cole") == check_name("\u00e9cole")


@pytest.mark.parametrize("name", ["ann", "a.b@example.org", "9lives", "a_b-c"])
def test_hub_names_are_taken(name: str) -> None:
    assert check_hub_name(name) == name


@pytest.mark.parametrize("name", ["", "Ann", "-a", "a b", "ä", "a/b", "x" * 64, "ann\n"])
def test_what_is_no_hub_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 63"):
        check_hub_name(name)


@pytest.mark.parametrize(("one", "other"), [("a.b", "a-b"), ("a_b", "a-b"), ("a.b", "a_b")])
def test_names_that_could_be_confused_normalize_alike(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)


@given(st.text(max_size=150))
def test_a_display_name_is_printable_and_short(text: str) -> None:
    try:
        shown = check_display_name(text)
    except ValueError:
        return
    assert len(shown) <= 100
    assert shown == shown.strip()
    assert "\n" not in shown
