"""Google's error bodies. https://developers.google.com/google-ads/api/docs/get-started/handle-errors"""

from __future__ import annotations

import zlib
from typing import Any

from sandbox.apis.state import ApiError

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
MESSAGES = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    429: "Resource has been exhausted (e.g. check quota).",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}

#: https://cloud.google.com/apis/design/errors#error_info
UNSCOPED = {
    "error": {
        "code": 403,
        "message": "Request had insufficient authentication scopes.",
        "status": "PERMISSION_DENIED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": {"service": "googleads.googleapis.com"},
            }
        ],
    }
}


def failure(
    status: int,
    kind: str,
    code: str,
    message: str,
    trigger: str = "",
    version: str = "v26",
    details: dict[str, Any] | None = None,
) -> ApiError:
    """An error in Google's body, not yet wrapped for a stream."""
    error: dict[str, Any] = {"errorCode": {kind: code}, "message": message}
    if trigger:
        error["trigger"] = {"stringValue": trigger}
        error["location"] = {"fieldPathElements": [{"fieldName": "query"}]}
    if details:
        error["details"] = details
    detail = {
        "@type": f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
        "errors": [error],
        "requestId": request_id(f"{kind}{code}{message}"),
    }
    body = {
        "code": status,
        "message": MESSAGES.get(status, message),
        "status": _STATUS.get(status, "UNKNOWN"),
        "details": [detail],
    }
    return ApiError(status, {"error": body})


def exhausted(wait: int, scope: str, version: str) -> ApiError:
    """The refusal of a request beyond the quota; no header says how much is left.

    https://developers.google.com/google-ads/api/docs/best-practices/quotas
    """
    message = f"Too many requests. Retry in {wait} seconds."
    quota = {"rateScope": scope, "rateName": "Requests per account", "retryDelay": f"{wait}s"}
    details = {"quotaErrorDetails": quota}
    return failure(429, "quotaError", "RESOURCE_EXHAUSTED", message, "", version, details)


def request_id(text: str) -> str:
    """A stable id for an answer."""
    return f"Ix{zlib.crc32(text.encode()):010d}{zlib.adler32(text.encode()):010d}"
