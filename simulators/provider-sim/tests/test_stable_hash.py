"""Seeds do not depend on the process."""

from provider_sim.stable_hash import seeded, stable_hash


def test_the_hash_is_the_same_in_every_process() -> None:
    assert stable_hash("a", 1) == 6781920191073471699


def test_the_hash_tells_where_one_part_ends() -> None:
    assert stable_hash("ab", "c") != stable_hash("a", "bc")


def test_equal_parts_draw_equally() -> None:
    assert seeded("x", 1).random() == seeded("x", 1).random()
