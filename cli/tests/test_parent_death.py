import os
import subprocess
import sys

import psutil
import pytest

from cli.tests.doubles import ended_within_s
from conclave_cli.parent_death import dying_with_this_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")

SLEEPER = (sys.executable, "-S", "-c", "import time; time.sleep(600)")

# A supervisor in miniature: starts a child the way ours does, prints its pid, waits.
SUPERVISOR = """
import subprocess, sys, time
from conclave_cli.parent_death import dying_with_this_process
child = subprocess.Popen(dying_with_this_process(tuple(sys.argv[1:])), process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.requirement("cli:nothing-left")
def test_children_end_when_the_supervisor_is_killed():
    supervisor = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", SUPERVISOR, *SLEEPER], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    child_pid = int(supervisor.stdout.readline())
    assert psutil.pid_exists(child_pid)

    supervisor.kill()
    supervisor.communicate(timeout=5)

    assert ended_within_s(child_pid, 5)


def test_a_child_whose_parent_has_gone_before_it_could_ask_ends_itself():
    command = list(dying_with_this_process((sys.executable, "-c", "print('it ran')")))
    command[command.index(str(os.getpid()))] = "1"  # somebody else's child

    ended = subprocess.run(  # noqa: S603 - our own command
        command, check=False, capture_output=True, timeout=10
    )

    assert (ended.returncode, ended.stdout) == (1, b"")


def test_the_program_runs_as_itself_with_its_own_environment():
    script = "import os, sys; print(sys.argv[1], os.environ['TOLD'], sys.flags.isolated)"
    command = dying_with_this_process((sys.executable, "-S", "-c", script, "argument"))

    ended = subprocess.run(  # noqa: S603 - our own command
        command, check=True, capture_output=True, text=True, timeout=10, env={"TOLD": "told"}
    )

    assert ended.stdout == "argument told 0\n"
