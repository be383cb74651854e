"""Sends a connector's requests to another portal: the public taps have HubSpot's address built in.

Put this directory on PYTHONPATH and the other address into HUBSPOT_BASE_URL; the packages stay as published.
"""

from __future__ import annotations

import os
from typing import Any

from requests import PreparedRequest, Response, Session

_VENDOR = "https://api.hubapi.com"
_send = Session.send


def _redirected(self: Session, request: PreparedRequest, **options: Any) -> Response:
    request.url = (request.url or "").replace(_VENDOR, os.environ["HUBSPOT_BASE_URL"], 1)
    return _send(self, request, **options)


Session.send = _redirected  # type: ignore[method-assign]
