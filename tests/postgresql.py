"""A PostgreSQL server for tests, and databases of both kinds: a pytest plugin.

The server is the machine's own program, started in a temporary folder as an unprivileged user,
reachable by a socket in that folder and by nothing else. A test that asks for `database_url` runs
twice: on SQLite, and marked `postgres` on PostgreSQL.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from postgresql_programs import postgresql_programs

if TYPE_CHECKING:
    from collections.abc import Generator

_TIMEOUT_S = 30
_SUPERUSER = "conclave"
_DATABASE = "postgres"
# The socket only; and nobody needs these databases after a power cut.
_SETTINGS = (
    "listen_addresses=",
    "max_connections=200",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
)
_numbers = count(1)


class PostgresServer:
    """One server; `start` and `stop` it at will, its databases stay.

    It ends with this process also when that is killed.
    """

    def __init__(self, folder: Path, programs: Path, user: pwd.struct_passwd | None) -> None:
        self._folder = folder
        self._programs = programs
        self._user = user
        self._data = folder / "data"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the server's files."""
        created = self._run(
            *(self._programs / "initdb", f"--pgdata={self._data}", f"--username={_SUPERUSER}"),
            *("--no-sync", "--no-instructions", "--auth=trust", "--encoding=UTF8", "--locale=C"),
        )
        if created.wait(_TIMEOUT_S):
            self._give_up("initdb failed")

    def start(self) -> None:
        """Returns when it takes connections."""
        setpriv = shutil.which("setpriv")
        self._process = self._run(
            *((setpriv, "--pdeathsig", "INT") if setpriv else ()),
            *(self._programs / "postgres", "-D", self._data, "-k", self._folder),
            *(part for setting in _SETTINGS for part in ("-c", setting)),
        )
        deadline_s = time.monotonic() + _TIMEOUT_S
        while not self._takes_connections():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self._give_up("the server does not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """At once, whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_TIMEOUT_S)
            self._process = None

    async def new_database(self) -> str:
        """The URL of an empty schema with a role of its own, as each service has one."""
        import asyncpg  # noqa: PLC0415 - most test runs need no server

        name = f"test_{next(_numbers)}"
        connection = await asyncpg.connect(
            host=str(self._folder), user=_SUPERUSER, database=_DATABASE, timeout=_TIMEOUT_S
        )
        try:
            await connection.execute(f"CREATE ROLE {name} LOGIN")
            await connection.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        finally:
            await connection.close()
        return f"postgresql://{name}@/{_DATABASE}?host={self._folder}"

    def _takes_connections(self) -> bool:
        """What the server says of itself in the eighth line, for its own `pg_ctl` to read."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _run(self, *command: str | Path) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )

    def _give_up(self, problem: str) -> NoReturn:
        pytest.fail(f"PostgreSQL: {problem}: {self._log.read_text()[-2000:]}", pytrace=False)


@contextmanager
def running_server() -> Generator[PostgresServer]:
    """A server of one's own, gone afterwards with all its files."""
    programs = postgresql_programs()
    if programs is None:
        pytest.fail("PostgreSQL is not installed: apt-get install postgresql", pytrace=False)
    # Not below pytest's folder: a socket's path may have 107 characters, and root's is private.
    folder = Path(tempfile.mkdtemp(prefix="conclave-pg-"))
    try:
        user = _unprivileged_user()
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        server = PostgresServer(folder, programs, user)
        server.create()
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> pwd.struct_passwd | None:
    """The server refuses to run as root; None: this is somebody else already."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


@pytest.fixture(scope="session")
def postgres_server() -> Generator[PostgresServer]:
    """One for all tests of a process: share it, and ask it for databases."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return await _empty(database_kind, request, tmp_path / "test.sqlite3")


@pytest.fixture
async def other_database_url(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> str:
    """A second one of the same kind."""
    return await _empty(database_kind, request, tmp_path / "other.sqlite3")


async def _empty(kind: str, request: pytest.FixtureRequest, file: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{file}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return await server.new_database()
