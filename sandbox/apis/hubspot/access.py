"""Who may ask: tokens, scopes and what HubSpot returns about a token.

Scopes: https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/scopes; tokens:
https://developers.hubspot.com/docs/api-reference/legacy/authentication/oauth-tokens/v1/get-oauth-token-metadata.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from sandbox.apis.hubspot.common import Endpoint, json_body, problem
from sandbox.apis.hubspot.events import NO_SCOPE
from sandbox.apis.state import ApiError, Json, Sandbox, bearer
from sandbox.world.company import guid

MAX_QUERY_BYTES = 15_000
SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.owners.read",
    "crm.schemas.contacts.read",
    "crm.schemas.companies.read",
    "crm.schemas.deals.read",
    "crm.lists.read",
    "forms",
    "business-intelligence",
    "marketing.campaigns.read",
    "settings.currencies.read",
)
_OAUTH_PREFIX = "sandbox-hubspot-oauth-"
_APP_ID, _USER_ID = 3_344_551, 9001


class Access:
    """Tokens and scopes of the portal."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def endpoints(self) -> list[Endpoint]:
        """The routes that need no token in the header."""
        return [
            Endpoint("POST", "/oauth/{version}/token", self.refresh),
            Endpoint("GET", "/oauth/v1/access-tokens/{token}", self.oauth_token),
            Endpoint("POST", "/oauth/v2/private-apps/get/access-token-info", self.private_app),
        ]

    @property
    def granted(self) -> list[str]:
        """Scopes the token has."""
        missing = self.sandbox.faults.value("missing_scope", "scopes", [])
        return [scope for scope in SCOPES if scope not in missing]

    def _accepted(self, token: str) -> bool:
        tokens = {self.sandbox.credentials.hubspot_token} - self.sandbox.revoked
        return token in tokens | self.sandbox.minted["hubspot"]

    def check(self, request: Request, scopes: tuple[str, ...]) -> None:
        """Refuse a request with an oversized address, without a valid token or without the scope."""
        most = int(self.sandbox.faults.value("uri_length", "bytes", MAX_QUERY_BYTES))
        if len(request.url.query) > most:
            raise ApiError(414, {"status": "error", "message": "URI Too Long"})
        token = bearer(request)
        if token is None:
            raise problem(
                request,
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you "
                "can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            )
        if not self._accepted(token):
            expired = token.startswith(_OAUTH_PREFIX)
            raise problem(
                request,
                401,
                "EXPIRED_AUTHENTICATION" if expired else "INVALID_AUTHENTICATION",
                "The OAuth token used to make this call is expired or invalid.",
            )
        if scopes and not set(scopes) & set(self.granted):
            required = {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
            links = {"scopes": "https://developers.hubspot.com/scopes"}
            raise problem(request, 403, "MISSING_SCOPES", NO_SCOPE, [required], links=links)

    async def refresh(self, request: Request) -> dict[str, Any]:
        """Exchange a refresh token."""
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        client = self.sandbox.credentials.hubspot_client
        given = (form.get("client_id", ""), form.get("client_secret", ""), form.get("refresh_token", ""))
        if form.get("grant_type") != "refresh_token" or given != client:
            raise ApiError(
                400,
                {
                    "status": "BAD_REFRESH_TOKEN",
                    "message": "missing or invalid refresh token",
                    "correlationId": guid("correlation", "token"),
                },
            )
        answer = {
            "token_type": "bearer",
            "access_token": self.sandbox.mint("hubspot", _OAUTH_PREFIX),
            "refresh_token": client[2],
            "expires_in": 1800,
        }
        if request.path_params["version"] != "v1":
            answer |= {
                "token_use": "access_token",
                "hub_id": self.sandbox.company.portal_id,
                "scopes": self.granted,
                "user_id": _USER_ID,
            }
        return answer

    async def oauth_token(self, request: Request) -> dict[str, Any]:
        """What an OAuth access token may do and how long it lives."""
        token = request.path_params["token"]
        if token not in self.sandbox.minted["hubspot"]:
            raise problem(request, 404, "OBJECT_NOT_FOUND", "access token not found")
        return {
            "token": token,
            "user": "ida.berg@nordlicht.example",
            "hub_domain": "nordlicht.example",
            "scopes": self.granted,
            "hub_id": self.sandbox.company.portal_id,
            "app_id": _APP_ID,
            "expires_in": 1800,
            "user_id": _USER_ID,
            "token_type": "access",
        }

    async def private_app(self, request: Request) -> Response:
        """What a private app's token or a service key may do."""
        token = (await json_body(request)).get("tokenKey")
        if token != self.sandbox.credentials.hubspot_token or token in self.sandbox.revoked:
            raise problem(request, 404, "OBJECT_NOT_FOUND", "The access token was not found")
        return Json(
            {
                "userId": _USER_ID,
                "hubId": self.sandbox.company.portal_id,
                "appId": _APP_ID,
                "scopes": [scope for scope in self.granted if scope != "oauth"],
            }
        )
