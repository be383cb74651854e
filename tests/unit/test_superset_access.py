"""Superset starts with a secret of its own only, on this machine only, and answers its own hosts."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from adledger.servers.superset import serve
from adledger.servers.superset.access import SHORTEST_SECRET, HostCheck, own_secret

SHIPPED = "a default that everybody can read, of forty letters"


@pytest.mark.parametrize("secret", [None, "", "short", SHIPPED])
def test_it_does_not_start_with_a_default_or_short_secret(secret: str | None) -> None:
    variables = {} if secret is None else {"SUPERSET_SECRET_KEY": secret}
    with pytest.raises(RuntimeError, match="SUPERSET_SECRET_KEY is not a secret"):
        own_secret(variables, SHIPPED)


@pytest.mark.parametrize("before", [None, "", "short"])
def test_a_home_has_a_secret_of_its_own_that_stays(tmp_path: Path, before: str | None) -> None:
    file = tmp_path / "secret_key"
    if before is not None:
        file.write_text(before)
        file.chmod(0o644)
    made = serve._secret_key(file)
    assert len(made) >= SHORTEST_SECRET
    assert serve._secret_key(file) == made == own_secret({"SUPERSET_SECRET_KEY": made}, SHIPPED)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert serve._secret_key(tmp_path / "other") != made


def test_it_listens_on_this_machine_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(serve, "serve", lambda address, *_: asked.append(address))
    monkeypatch.setattr("sys.argv", ["serve", "--home", str(tmp_path)])
    serve.main()
    assert [(address.host, address.is_private) for address in asked] == [("127.0.0.1", True)]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8088", "200 OK"),
        ("localhost:8088", "200 OK"),
        ("ads.example.com", "200 OK"),
        ("foreign.example", "403 Forbidden"),
        ("", "403 Forbidden"),
    ],
)
def test_it_answers_its_own_hosts_alone(host: str, status: str) -> None:
    answered: list[str] = []

    def start(line: str, _: list[tuple[str, str]]) -> None:
        answered.append(line)

    def app(_: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"reached"]

    list(HostCheck(app, {"WEB__HOSTS": "ads.example.com, other.example"})({"HTTP_HOST": host}, start))
    assert answered == [status]


def test_its_settings_use_both() -> None:
    settings = (Path(serve.__file__).with_name("superset_config.py")).read_text()
    assert "SECRET_KEY = own_secret(os.environ, CHANGE_ME_SECRET_KEY)" in settings
    assert "ADDITIONAL_MIDDLEWARE = [partial(HostCheck, variables=os.environ)]" in settings
