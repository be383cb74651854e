"""Superset's settings: no requests to other servers."""

from __future__ import annotations

# Superset loads this file after its own settings
from superset.config import TALISMAN_CONFIG as _SHIPPED

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
