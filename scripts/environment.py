"""Bring `.venv` to what the locks and the packages of this checkout say; no-op when it is there.

    python3 scripts/environment.py run    what `conclave run` needs
    python3 scripts/environment.py dev    that, and what testing and checking need

Standard library only. A stamp in `.venv` holds a hash of everything the installation depends on,
so a second start costs milliseconds, and a moved checkout or a new lock is noticed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from workspace import ROOT, packages

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PROFILES = ("run", "dev")
_ORIGIN = VENV / "conclave-origin"


def main(arguments: list[str]) -> int:
    """Install the named profile if its stamp is not current; the exit status."""
    if len(arguments) != 1 or arguments[0] not in PROFILES:
        print(__doc__, file=sys.stderr)
        return 2
    profile = arguments[0]
    if _stamp_text(profile) == _read(_stamp(profile)):
        return 0
    try:
        _install(profile)
    except subprocess.CalledProcessError as error:
        print(f"conclave: could not install into {VENV}; pip said why above", file=sys.stderr)
        return error.returncode
    return 0


def _install(profile: str) -> None:
    started = time.monotonic()
    fresh = _create_environment()
    lock = _lock(profile)
    pins = len(re.findall(r"^[a-z0-9].*==", lock.read_text(), re.MULTILINE))
    occasion = "first time only" if fresh else "something changed since"
    _say(f"installing up to {pins} locked packages, {occasion} ...")
    _pip("--require-hashes", "--requirement", str(lock))
    _say("installing the packages of this checkout ...")
    editable = [part for package in packages() for part in ("--editable", str(package.folder))]
    _pip("--no-deps", "--no-build-isolation", "--no-index", *editable)
    _compile_services()
    # dev.txt holds everything run.txt does, at the same versions (`make lock-check`).
    for done in PROFILES[: PROFILES.index(profile) + 1]:
        _stamp(done).write_text(_stamp_text(done))
    _say(f"environment ready after {time.monotonic() - started:.0f} s")


def _compile_services() -> None:
    """Bytecode without docstrings for what the services import, which saves each some 5 MB.

    `conclave run` starts them that way. Importing finds exactly what they need, where compiling
    whole packages would take several times as long. Written even where the environment says not to
    write bytecode: a start would otherwise compile everything again.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    imports = [
        subprocess.Popen([str(PYTHON), "-OO", "-c", f"import {name}.__main__"], env=environment)
        for name in ("api_gateway", "orchestrator", "compactor")
    ]
    for process in imports:
        process.wait()  # a service that does not import says so when it is started


def _create_environment() -> bool:
    """Start afresh where the folder is missing, broken or was made for another place or Python."""
    if _read(_ORIGIN) == _origin() and _works():
        return False
    _say(f"creating .venv with Python {sys.version.split()[0]} ...")
    if VENV.exists():
        shutil.rmtree(VENV)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    _ORIGIN.write_text(_origin())
    return True


def _works() -> bool:
    if not PYTHON.exists():
        return False
    return subprocess.run([str(PYTHON), "-c", ""], check=False, capture_output=True).returncode == 0


def _pip(*arguments: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")
    subprocess.run([str(PYTHON), "-m", "pip", "install", *quiet, *arguments], check=True)


def _origin() -> str:
    """What an environment has baked in: its place, and its Python where the caller chose one."""
    chosen = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    kept = _read(_ORIGIN).partition("\n")[2].strip()
    return f"{ROOT}\n{chosen if os.environ.get('PYTHON') else kept or chosen}\n"


def _stamp_text(profile: str) -> str:
    digest = hashlib.sha256(_origin().encode())
    manifests = [package.folder / "pyproject.toml" for package in packages()]
    for path in [_lock(profile), *manifests]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _stamp(profile: str) -> Path:
    return VENV / f"conclave-{profile}-installed"


def _lock(profile: str) -> Path:
    return ROOT / "requirements" / f"{profile}.txt"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _say(message: str) -> None:
    print(f"conclave: {message}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
