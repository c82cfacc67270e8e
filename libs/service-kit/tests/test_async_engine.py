import subprocess
import sys

import pytest

_NOTHING_OF_THE_ORM = """
import sys
from service_kit.sql import create_engine
engine = create_engine("postgresql://user@localhost/any")
assert not [name for name in sys.modules if name.startswith("sqlalchemy.orm")]

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, session
assert isinstance(engine, AsyncEngine)
assert AsyncSession is session.AsyncSession
"""


@pytest.mark.requirement("service-kit:memory:no-orm")
def test_an_engine_needs_no_orm_and_whoever_wants_one_gets_it() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _NOTHING_OF_THE_ORM], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
