from catalogue.problems import ConfigurationError, Problem, format_problems


def problem(line: int, message: str = "is wrong", field: str = "models.a") -> Problem:
    return Problem("conclave.yaml", line, 3, field, message, "mend it")


def test_a_problem_reads_as_place_field_message_and_remedy() -> None:
    assert str(problem(7)) == "conclave.yaml:7:3: models.a: is wrong (mend it)"


def test_a_problem_of_the_whole_file_has_no_line() -> None:
    whole = Problem("conclave.yaml", 0, 0, "", "does not exist", "create it")

    assert str(whole) == "conclave.yaml: does not exist (create it)"


def test_problems_are_printed_one_per_line() -> None:
    assert format_problems([problem(1), problem(2)]).splitlines() == [
        "conclave.yaml:1:3: models.a: is wrong (mend it)",
        "conclave.yaml:2:3: models.a: is wrong (mend it)",
    ]


def test_an_error_lists_its_problems_in_the_order_of_the_file_and_each_once() -> None:
    error = ConfigurationError([problem(9), problem(2), problem(9)])

    assert [found.line for found in error.problems] == [2, 9]
    assert str(error) == format_problems(error.problems)


def test_a_name_from_the_file_cannot_break_the_line_or_flood_it() -> None:
    shown = str(problem(1, field="models.a\n\x1b[31m" + "x" * 5000))

    assert shown.isprintable()
    assert len(shown) < 1100
