"""The raw tables of the landing pages."""

from __future__ import annotations

from ingestion.landing.arrow import INT, Column, Table

# One row per page and as-of; later snapshots never change earlier ones.
PAGE_SNAPSHOTS = Table(
    "page_snapshots",
    "results[]",
    (
        Column("snapshot_id", "text", "snapshot_id", required=True),
        Column("url", "text", "url", required=True),
        Column("fetched_at", "instant", "fetched_at", required=True),
        # for an answer "not modified", the status of the earlier snapshot with the content
        Column("http_status", "integer", "http_status", wire=INT),
        Column("not_modified", "boolean", "not_modified", required=True),
        Column("final_url", "text", "final_url"),
        Column("redirects", "json", "redirects", default="[]"),
        # tracking parameters that were sent but lost in redirects; null if unknown
        Column("dropped_parameters", "json", "dropped_parameters"),
        Column("robots_allowed", "boolean", "robots_allowed"),
        Column("has_tracking_code", "boolean", "has_tracking_code"),
        Column("evidence", "text", "evidence", required=True),
        Column("portal_ids", "json", "portal_ids", default="[]"),
        Column("forms", "json", "forms", default="[]"),
        Column("tag_managers", "json", "tag_managers", default="[]"),
        Column("consent_managers", "json", "consent_managers", default="[]"),
        Column("canonical_url", "text", "canonical_url"),
        Column("language", "text", "language"),
        Column("content_sha256", "text", "content_sha256"),
        Column("raw_sha256", "text", "raw_sha256"),
        Column("content_bytes", "integer", "content_bytes", wire=INT),
        Column("is_whole", "boolean", "is_whole", required=True),
        Column("etag", "text", "etag"),
        Column("last_modified", "text", "last_modified"),
        Column("error", "text", "error"),
        Column("detail", "text", "detail"),
        Column("rules_version", "integer", "rules_version", required=True, wire=INT),
    ),
    key=("snapshot_id",),
    disposition="merge",
)
# The page of each final URL: `source` is the source that landed the URL, or `user` for pages added by hand.
PAGE_URLS = Table(
    "page_urls",
    "results[]",
    (
        Column("source", "text", "source", required=True),
        Column("final_url", "text", "final_url", required=True),
        Column("url", "text", "url", required=True),
    ),
    key=("source", "final_url"),
    disposition="merge",
)
PAGE_TAGS = Table(
    "page_tags",
    "results[]",
    (
        Column("url", "text", "url", required=True),
        Column("tag", "text", "tag", required=True),
        Column("tagged_at", "instant", "tagged_at", required=True),
    ),
    key=("url", "tag"),
    disposition="merge",
)

ENTITIES = (PAGE_SNAPSHOTS, PAGE_URLS, PAGE_TAGS)
DAILY: tuple[Table, ...] = ()
