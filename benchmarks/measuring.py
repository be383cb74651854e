"""Runs a program and measures it by the kernel's counts: wall time, CPU and memory of its process tree."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

#: What the bare clients and the pictures need.
BARE = ("aiohttp==3.14.5", f"pyarrow=={importlib.metadata.version('pyarrow')}", "matplotlib==3.11.2")
_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_SECONDS = 0.02


class Failed(Exception):
    """A program ended with an error; the text is the end of what it said."""


@dataclass(frozen=True)
class Usage:
    """Seconds and megabytes of one run."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float


def run(
    command: Sequence[str],
    out: Path,
    *,
    environment: Mapping[str, str] | None = None,
    given: str = "",
    directory: Path | None = None,
) -> Usage:
    """Run to the end, standard output into `out`.

    Raises:
        Failed: it ended with an error.
    """
    log = out.with_suffix(".log")
    with out.open("wb") as output, log.open("wb") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            env={**os.environ, **(environment or {})},
            cwd=directory or _ROOT,
        )
        peak = _Peak(process.pid)
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(given.encode())
                process.stdin.close()
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            peak.stop()
            process.kill()
            raise
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = log.read_text(errors="replace").strip().splitlines()
        raise Failed(f"exit {process.returncode}: {' '.join(said[-3:])[-400:]}")
    # ru_maxrss would begin with the memory of this process, which the child is forked from
    return Usage(wall, usage.ru_utime + usage.ru_stime, peak.stop() / 1e6)


class _Peak:
    """Samples the resident memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most = pid, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The most bytes seen."""
        self._over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            self._most = max(self._most, sum(_resident(pid) for pid in _tree(self._pid)))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


@dataclass
class Programs:
    """Interpreters of contenders, each with its `packages` in an environment under `directory`.

    Without a directory nothing is installed. What is left out is in `skipped`, with the reason.
    """

    directory: Path | None
    packages: Mapping[str, Sequence[str]]
    console: Console
    skipped: dict[str, str] = field(default_factory=dict)

    def skip(self, contender: str, why: str) -> None:
        """Leave a contender out and say so."""
        self.skipped[contender] = why
        self.console.print(f"{contender}: left out, {why}")

    def python(self, contender: str) -> str | None:
        """The contender's interpreter, its environment made on first use; None where it is left out."""
        if contender in self.skipped:
            return None
        if self.directory is None:
            if contender == "bare" and importlib.util.find_spec("aiohttp"):
                return sys.executable
            self.skip(contender, "nothing is installed (--no-installs)")
            return None
        directory = self.directory / contender
        python = directory / "bin" / "python"
        if not (directory / ".complete").exists():
            uv = [sys.executable, "-m", "uv", "--quiet"]
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            try:
                for command in (
                    [*uv, "venv", "--clear", "--python", version, str(directory)],
                    [*uv, "pip", "install", "--python", str(python), *self.packages[contender]],
                ):
                    subprocess.run(command, check=True, capture_output=True, text=True)
            except subprocess.CalledProcessError as error:
                said = error.stderr.strip().splitlines() or [str(error)]
                self.skip(contender, f"its packages cannot be installed: {said[-1]}")
                return None
            (directory / ".complete").touch()
        return str(python)

    def draw(self, report: Path, picture: Path) -> None:
        """Bars of the CPU per row."""
        python = self.python("bare")
        if python is None:
            self.skip("picture", "the plotting library lives in the environment of `bare`")
            return
        picture.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([python, str(_HERE / "plot.py"), str(report), str(picture)], check=True)


def ratio(mine: float | None, other: float | None) -> float | None:
    """How many times the other; None where either was not measured."""
    return round(mine / other, 2) if mine is not None and other else None


def console(*, stderr: bool = False) -> Console:
    """A console that does not fold tables into a narrow column where nobody's terminal is."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, width=None if terminal else 130, highlight=False)


def bulk(counts: Mapping[str, int], *, limits: bool = False, web_analytics: bool = True) -> Portal:
    """A bulk portal of that size."""
    size = ",".join(f"{name}={count}" for name, count in counts.items())
    return Portal(["--bulk", size, *["--limits"] * limits, *["--no-events"] * (not web_analytics)])


class Portal:
    """A sandbox in a process of its own, served with these arguments."""

    def __init__(self, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "sandbox.serve", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed("the portal did not start")
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.now: str = ready["now"]
        self.environment: dict[str, str] = {**ready["env"], "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    def __enter__(self) -> Portal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def cpu_s(self) -> float:
        """Seconds of CPU that it has taken since its start."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def resident_mb(self) -> float:
        """Its memory now."""
        return _resident(self._process.pid) / 1e6

    @property
    def base_url(self) -> str:
        """HubSpot's address."""
        return self.environment["SOURCES__HUBSPOT__BASE_URL"]

    @property
    def token(self) -> str:
        """The access token."""
        return self.environment["SOURCES__HUBSPOT__ACCESS_TOKEN"]

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """A control's answer."""
        data = None if body is None else json.dumps(body).encode()
        return self._open(urllib.request.Request(f"{self.url}/_sandbox/{path}", data=data, method=method))

    def fetch(self, url: str, data: bytes | None, headers: Mapping[str, str]) -> Any:
        """A vendor's answer."""
        return self._open(urllib.request.Request(url, data=data, headers=dict(headers)))

    def _open(self, request: urllib.request.Request) -> Any:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.load(answer)
