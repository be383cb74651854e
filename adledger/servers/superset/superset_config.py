"""Superset's settings: a secret and hosts of its own, no requests to other servers."""

from __future__ import annotations

import os
from functools import partial

# Superset loads this file after its own settings
from superset.config import TALISMAN_CONFIG as _SHIPPED
from superset.constants import CHANGE_ME_SECRET_KEY

from adledger.servers.superset.access import HostCheck, own_secret

SECRET_KEY = own_secret(os.environ, CHANGE_ME_SECRET_KEY)
ADDITIONAL_MIDDLEWARE = [partial(HostCheck, variables=os.environ)]

# blocks its tracking pixel, map tiles and web fonts
TALISMAN_CONFIG = {
    **_SHIPPED,
    "content_security_policy": {
        **_SHIPPED["content_security_policy"],
        "img-src": ["'self'", "blob:", "data:"],
        "connect-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
    },
}
