"""Child processes end with the process that started them, also if it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration.execution import parent

# starts a child in its own session, as the command line does; the child starts one more in its session
STARTER = """
import signal, sys, time
from adledger.servers.processes import start
# who runs the tests may ignore it, which is inherited
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
print(start([sys.argv[1]], 1, cwd=sys.argv[2]).pid, flush=True)
time.sleep(60)
"""
SERVER = """
import os, subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
assert "ADLEDGER_PARENT" not in os.environ
assert sys.argv == [__file__], sys.argv
time.sleep(60)
"""
SECONDS = 10


def is_alive(pid: int) -> bool:
    """Whether the process runs; an orphan that ended may wait for a parent to collect it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for_end(*pids: int) -> bool:
    until = time.monotonic() + SECONDS
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(map(is_alive, pids))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_takes_its_children_and_their_children_along(number: int, tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(SERVER)
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, "served", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    child, grandchild = int(starter.stdout.readline()), int(starter.stdout.readline())
    time.sleep(1)
    assert is_alive(child)
    assert is_alive(grandchild)
    starter.send_signal(number)
    starter.wait(SECONDS)
    assert wait_for_end(child, grandchild)


def test_a_process_whose_parent_did_not_ask_for_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADLEDGER_PARENT", raising=False)
    parent.watch()
    # of a grandparent: an inherited variable is removed
    environment = parent.tied(os.environ)
    assert environment["ADLEDGER_PARENT"] == str(os.getpid())
    program = (
        "import os; from orchestration.execution import parent; parent.watch();"
        " print('ADLEDGER_PARENT' in os.environ)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "False\n"
