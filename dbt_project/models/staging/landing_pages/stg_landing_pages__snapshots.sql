select
    snapshot_id,
    url,
    fetched_at,
    cast(http_status as integer) as http_status,
    final_url,
    redirects,
    from_json(dropped_parameters, '["VARCHAR"]') as dropped_parameters,
    has_tracking_code,
    evidence,
    from_json(portal_ids, '["VARCHAR"]') as portal_ids,
    from_json(forms, '["JSON"]') as forms,
    content_sha256,
    error,
    detail
from {{ source('landing_pages', 'page_snapshots') }}
where fetched_at <= {{ as_of() }}
