import subprocess
import sys

import psutil
import pytest

from cli.tests.doubles import ended_within_s

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")

# A supervisor in miniature: starts a child the way ours does, prints its pid, waits.
SUPERVISOR = """
import subprocess, sys, time
from conclave_cli.parent_death import die_with_parent
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"],
                         process_group=0, preexec_fn=die_with_parent())
print(child.pid, flush=True)
time.sleep(600)
"""

# What the child runs is prepared here, and called by a process whose parent is another one.
LATE_CHILD = """
import os
from conclave_cli.parent_death import die_with_parent
in_child = die_with_parent()
if os.fork() == 0:
    late = os.fork()
    if late == 0:
        in_child()
        os._exit(0)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(late, 0)[1]))
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.requirement("cli:nothing-left")
def test_children_end_when_the_supervisor_is_killed():
    supervisor = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    child_pid = int(supervisor.stdout.readline())
    assert psutil.pid_exists(child_pid)

    supervisor.kill()
    supervisor.communicate(timeout=5)

    assert ended_within_s(child_pid, 5)


def test_a_child_whose_parent_has_gone_before_it_could_ask_ends_itself():
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", LATE_CHILD], check=False, timeout=10
    )

    assert ended.returncode == 1
