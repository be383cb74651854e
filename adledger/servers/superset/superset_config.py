"""What Superset is told, in its own environment: to ask nobody outside."""

from __future__ import annotations

# Superset reads this file at the end of its own settings
from superset.config import TALISMAN_CONFIG as _SHIPPED

# without its counting pixel, tiles of maps and fonts from elsewhere
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
