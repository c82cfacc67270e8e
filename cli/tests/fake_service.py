"""A service for tests of the supervisor: it answers /readyz and misbehaves as its script says.

    python fake_service.py PORT STEP...

Steps: `say:TEXT`, `exit:STATUS` (at once), `unready` (503 for ever), `deaf` (ignores SIGTERM),
`spawn` (a grandchild that ignores SIGTERM; prints its pid), `record-term:FILE` (writes the time of
SIGTERM there and ends). GET /crash ends the process with status 7.
"""

import os
import signal
import socketserver
import subprocess
import sys
import time
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        if self.path == "/crash":
            os._exit(7)
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"as scripted\n")

    def log_message(self, format: str, *args: object):  # noqa: A002 - the base class's names
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main(port: int, steps: list[str]) -> None:
    for step in steps:
        take(*step.partition(":")[::2])
    with Server(("127.0.0.1", port), Handler) as server:
        server.serve_forever(poll_interval=0.01)


def take(name: str, value: str) -> None:
    match name:
        case "say":
            sys.stdout.write(value + "\n")
            sys.stdout.flush()
        case "exit":
            sys.exit(int(value))
        case "unready":
            Handler.status = 503
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "spawn":
            spawn()
        case "record-term":
            signal.signal(signal.SIGTERM, partial(record, Path(value)))
        case _:
            raise SystemExit(f"unknown step {name!r}")


def record(path: Path, *_: object) -> None:
    path.write_text(str(time.monotonic()))
    os._exit(0)


def spawn() -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    grandchild = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-S", "-c", script]
    )
    sys.stdout.write(f"grandchild {grandchild.pid}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
