"""What the `conclave` command's exit status means. `conclave --help` prints the same list."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
PORT_TAKEN = 3
ALREADY_RUNNING = 4
KILLED = 130

EXPLANATION = f"""exit status:
  {OK:<3}  done
  {FAILED:<3}  failed; the message says what, where and what to do
  {USAGE:<3}  the command line or a CONCLAVE_* variable is wrong
  {PORT_TAKEN:<3}  a port that `conclave run` needs is taken
  {ALREADY_RUNNING:<3}  another `conclave run` uses the same state directory
  {KILLED:<3}  interrupted before it had ended cleanly (second Ctrl-C)
"""
