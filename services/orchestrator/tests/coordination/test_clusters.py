import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.coordination.clusters import fingerprint, form_clusters, same

PROSE = (
    "The sky looks blue because molecules of the air scatter short waves of sunlight far more "
    "strongly than long ones, so blue light reaches the eye from every direction of the sky"
)
texts = st.sampled_from(["42", "42.", "43", "Paris", PROSE, PROSE + ".", "x " * 30, '{"a":1}'])


def clusters_of(**answers: str) -> list[tuple[str, ...]]:
    return form_clusters({agent: fingerprint(text) for agent, text in answers.items()})


@pytest.mark.requirement("coordination:clusters:exact")
def test_equal_results_form_one_cluster() -> None:
    assert clusters_of(ada="42", bob="Answer: 42.", cyd="41") == [("ada", "bob"), ("cyd",)]


@pytest.mark.requirement("coordination:clusters:prose")
def test_lightly_reworded_prose_is_the_same() -> None:
    assert clusters_of(ada=PROSE, bob=PROSE.replace("far more", "much more") + ".") == [
        ("ada", "bob")
    ]


@pytest.mark.requirement("coordination:clusters:prose")
def test_prose_on_something_else_is_not_the_same() -> None:
    other = "Rivers carry sand and stones from the mountains down to the sea over a long time"

    assert len(clusters_of(ada=PROSE, bob=other)) == 2


@pytest.mark.requirement("coordination:clusters:prose")
@pytest.mark.parametrize(
    "changed",
    [PROSE.replace("looks", "never looks"), PROSE + " in 10 cases", PROSE + " in 12 cases"],
)
def test_prose_that_differs_in_a_negation_or_a_number_is_not_the_same(changed: str) -> None:
    base = PROSE + " in 11 cases" if "cases" in changed else PROSE

    assert len(clusters_of(ada=base, bob=changed)) == 2


@pytest.mark.requirement("coordination:clusters:prose")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{PROSE}\n```python\nif a < b:\n```", f"{PROSE}\n```python\nif a <= b:\n```"),
        (f"{PROSE} where x < y", f"{PROSE} where x > y"),
        (f"{PROSE} und es ist so", f"{PROSE} und es ist nicht so"),
    ],
)
def test_prose_that_differs_in_code_or_a_comparison_is_not_the_same(one: str, other: str) -> None:
    assert len(clusters_of(ada=one, bob=other)) == 2
    assert len(clusters_of(ada=one, bob=one + " ")) == 1


def test_a_result_and_prose_about_it_are_left_to_the_ballot() -> None:
    assert not same(fingerprint("42"), fingerprint("I would say that it is forty-two, I think"))


@given(st.lists(texts, min_size=1, max_size=7))
def test_clusters_partition_the_answers_whatever_their_order(answers: list[str]) -> None:
    named = {f"a{index}": fingerprint(text) for index, text in enumerate(answers)}
    turned = dict(reversed(named.items()))

    clusters = form_clusters(named)

    assert sorted(agent for cluster in clusters for agent in cluster) == sorted(named)
    assert {frozenset(c) for c in clusters} == {frozenset(c) for c in form_clusters(turned)}


@given(st.text(max_size=200), st.text(max_size=200))
def test_being_the_same_is_symmetric_and_any_text_is_like_itself(one: str, other: str) -> None:
    assert same(fingerprint(one), fingerprint(one))
    assert same(fingerprint(one), fingerprint(other)) == same(fingerprint(other), fingerprint(one))
