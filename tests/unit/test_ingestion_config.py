"""Formats of settings, and errors for invalid ones."""

from __future__ import annotations

import pytest

from ingestion.config import Settings
from ingestion.errors import SettingError

DOMAINS = "SOURCES__HUBSPOT__DOMAINS"


@pytest.mark.parametrize(
    "value",
    ['["www.Site.example", "shop.site.example"]', "site.example, shop.site.example,, www.site.example"],
)
def test_hosts_come_from_a_list_or_text_without_www(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DOMAINS, value)
    assert Settings("hubspot").hosts("domains") == ("site.example", "shop.site.example")


def test_without_the_setting_there_are_no_hosts() -> None:
    assert Settings("hubspot").hosts("domains") == ()


@pytest.mark.parametrize(
    "value", ["https://site.example", "site.example/shop", "localhost", "*.site.example"]
)
def test_an_invalid_host_name_is_reported_with_the_fix(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DOMAINS, value)
    with pytest.raises(SettingError, match=r"sources\.hubspot\.domains contains .* set it like"):
        Settings("hubspot").hosts("domains")
