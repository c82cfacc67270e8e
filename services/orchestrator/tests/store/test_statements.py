from orchestrator.store.statements import statements
from services.orchestrator.tests.store.test_writer import closed, journalled, opened, settled


def test_kinds_come_in_the_order_their_rows_need_each_with_all_its_rows() -> None:
    batch = [closed(), settled("c1"), settled("c2"), journalled("c1"), journalled("c2"), opened()]

    made = statements(batch)

    told = [(str(statement).split()[0], len(rows)) for statement, rows in made]
    assert told == [("INSERT", 1), ("INSERT", 2), ("UPDATE", 2), ("INSERT", 2), ("UPDATE", 1)]
    assert "runs" in str(made[0][0])
    assert "run_events" in str(made[3][0])


def test_nothing_to_write_is_no_statement() -> None:
    assert statements([]) == []
