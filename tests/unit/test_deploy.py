"""The deployment's recipe names what exists: files, commands, options, settings."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from adledger.cli import app
from ingestion.pipelines import VENDORS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
CONTRACT = (ROOT / "docs/contract.md").read_text()


@pytest.mark.parametrize("lock", ["requirements.lock", "adledger/servers/superset/requirements.lock"])
def test_every_package_is_installed_by_its_hash(lock: str) -> None:
    pinned = re.findall(r"^([a-z]\S*)==(?:[^\n]*\\\n)*[^\n]*", (ROOT / lock).read_text(), re.M)
    hashed = re.findall(
        r"^([a-z]\S*)==[^\n]*\\\n +--hash=sha256:[0-9a-f]{64}", (ROOT / lock).read_text(), re.M
    )
    assert pinned == hashed
    assert len(pinned) > 100


def test_the_installer_is_installed_by_its_hash(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if re.search(r"\bpip (install|sync)\b", line)]
    # the project itself is installed from its folder
    packages = [line for line in installs if "--editable ." not in line]
    assert len(packages) == 3
    assert all("--require-hashes" in line for line in packages)
    (command,) = re.findall(r"^\t@(sed .*) > \.venv/uv\.lock$", makefile, re.M)
    taken = subprocess.run(
        ["sh", "-c", command.replace("$$", "$")], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    first, *hashes = taken.splitlines()
    assert re.fullmatch(r"uv==\S+ .*\\", first)
    assert len(hashes) > 5
    assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    content = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services: dict[str, dict[str, Any]] = content["services"]
    mounted = {volume.split(":")[0] for service in services.values() for volume in service["volumes"]}
    assert mounted == content["volumes"].keys()
    return services


def test_the_image_copies_what_exists_and_nothing_secret() -> None:
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", CONTAINERFILE, re.M) for name in line.split()]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().split()
    assert "*" in ignored
    assert {entry[1:] for entry in ignored if entry.startswith("!")} == set(copied)


@pytest.mark.parametrize("file", ["Containerfile", "adledger.service"])
def test_the_command_takes_its_options(file: str) -> None:
    if file == "Containerfile":
        (command,) = re.findall(r"^CMD (\[.+\])$", CONTAINERFILE, re.M)
        arguments = json.loads(command)
        assert re.search(r'^ENTRYPOINT \["tini", "--", "adledger"\]$', CONTAINERFILE, re.M)
    else:
        (command,) = re.findall(r"^ExecStart=(.+)$", (DEPLOY / file).read_text(), re.M)
        program, *arguments = shlex.split(command)
        assert program.endswith("/.venv/bin/adledger")
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0, result.output


def test_the_services_fit_the_image(services: dict[str, dict[str, Any]]) -> None:
    adledger = services["adledger"]
    build = adledger["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Containerfile"
    (home,) = re.findall(r"ADLEDGER_HOME=(\S+)", CONTAINERFILE)
    assert [volume.split(":")[1] for volume in adledger["volumes"]] == [home]
    (exposed,) = re.findall(r"^EXPOSE ([\d ]+)$", CONTAINERFILE, re.M)
    # neither the UI nor the dashboard has a login
    published = [*adledger["ports"], *services["dashboard"]["ports"]]
    assert published == [f"127.0.0.1:{port}:{port}" for port in exposed.split()]
    assert "ports" not in services["postgres"]
    assert services["dashboard"]["image"] == adledger["image"]
    assert services["dashboard"]["volumes"] == adledger["volumes"]
    result = CliRunner().invoke(app, [*services["dashboard"]["command"], "--help"])
    assert result.exit_code == 0, result.output


def test_every_setting_it_names_is_one_of_the_contract(services: dict[str, dict[str, Any]]) -> None:
    named = re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.M)
    settings = {name for name in named if "__" in name} | set(services["adledger"]["environment"])
    assert {f"SOURCES__{vendor.upper()}__" for vendor in VENDORS} == {
        name[: name.rindex("__") + 2] for name in settings if name.startswith("SOURCES__")
    }
    for name in settings:
        *section, key = name.lower().split("__")
        assert f"| `{'.'.join(section)}` |" in CONTRACT, name
        (row,) = (line for line in CONTRACT.splitlines() if line.startswith(f"| `{'.'.join(section)}` |"))
        assert f"`{key}`" in row, name
