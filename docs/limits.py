"""Write the tables of limits in docs/operations.md, from the code: `python -m docs.limits`."""

from __future__ import annotations

from pathlib import Path

from ingestion.exports import reading
from ingestion.http import bounded
from ingestion.limits import LIMITS
from ingestion.sources.landing_pages import settings
from reporting.dashboard.queries import MAX_ROWS

OPERATIONS = Path(__file__).parent / "operations.md"
_BEGIN, _END = "<!-- limits: python -m docs.limits -->\n\n", "\n<!-- end of limits -->\n"
_CAPS = settings.Caps()
#: What is limited, the value, and the reason.
FIXED = (
    ("connecting to an API", f"{bounded.CONNECT_SECONDS:g} s", "a reachable server accepts at once"),
    ("an API that sends no byte", f"{bounded.READ_SECONDS:g} s", "the request is repeated sooner"),
    (
        "one landing page: connecting, no byte, all requests",
        f"{_CAPS.connect:g} s, {_CAPS.read:g} s, {_CAPS.total:g} s",
        "visitors leave sooner; one slow page must not hold up the others",
    ),
    (
        "a landing page, decompressed",
        f"{_CAPS.size >> 20} MB",
        "the tracking code stands in the first megabytes",
    ),
    ("redirects of a landing page", f"{_CAPS.redirects}", "browsers follow 20; ads use few"),
    (
        "robots.txt",
        f"{settings.ROBOTS_BYTES >> 10} KB, {settings.ROBOTS_REDIRECTS} redirects",
        "RFC 9309, 2.5 and 2.3.1.2",
    ),
    (
        "hosts of landing pages at the same time",
        f"{settings.CONCURRENCY}",
        "slow hosts wait beside each other; each gets one request at a time",
    ),
    (
        "pages in a row without an answer, then the host is skipped",
        f"{settings.HOST_FAILURES}",
        "a server that is down would cost every page's time",
    ),
    (
        "an archive or workbook, expanded",
        f"{reading.MAX_EXPANDED >> 20:,} MB, {reading.MAX_MEMBERS} files",
        "a few kilobytes can expand to gigabytes",
    ),
    (
        "shared texts of a workbook",
        f"{reading.MAX_SHARED_TEXTS >> 20} MB",
        "its reader holds them in memory",
    ),
    (
        "a line of a downloaded file",
        f"{reading.MAX_LINE >> 20} million characters",
        "files of any size are read line by line, so a line must fit into memory",
    ),
    ("rows of a table of the dashboard", f"{MAX_ROWS:,}", "a browser shows more only slowly"),
)


def tables() -> str:
    """Return the table of settings, and that of fixed limits."""
    lines = ["| setting | default | allowed | limits | reason |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{limit.name}` | {limit.default:,} {limit.unit} | {limit.lowest:,} to {limit.highest:,}"
        f" | {limit.about} | {limit.reason} |"
        for limit in LIMITS
    ]
    lines += ["", "| fixed limit | value | reason |", "| --- | --- | --- |"]
    lines += [f"| {about} | {value} | {reason} |" for about, value, reason in FIXED]
    return "".join(f"{line}\n" for line in lines)


def section() -> str:
    """Return the tables between the marks that enclose them in the page."""
    return f"{_BEGIN}{tables()}{_END}"


def write() -> None:
    """Replace the tables in the page."""
    before, _, rest = OPERATIONS.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    OPERATIONS.write_text(f"{before}{section()}{after}")


if __name__ == "__main__":
    write()
