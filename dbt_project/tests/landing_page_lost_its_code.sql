{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'landing_page_snapshots'}}}) }}

with pages as (
    select
        landing_page_url,
        max(fetched_at) as fetched_at,
        arg_max(detected_by, fetched_at) as detected_by,
        max(case when detected_by in ('script', 'inline', 'hosted') then fetched_at end) as last_found_at
    from {{ ref('landing_page_snapshots') }}
    -- unread pages show nothing
    where detected_by != 'unread'
    group by landing_page_url
)

select
    landing_page_url,
    last_found_at,
    landing_page_url || ': the HubSpot tracking code stood in the page on ' || cast(last_found_at at time zone 'UTC' as date)
    || ' and was gone on ' || cast(fetched_at at time zone 'UTC' as date) || case
        -- a page view may be from before
        when detected_by in ('visit', 'tag_manager', 'consent_manager', 'rendered_by_script')
            then '. Make sure that the tag manager or the page''s scripts bring it now.'
        else '. Put it back: HubSpot records no page view of this page.'
    end as message
from pages
where last_found_at < fetched_at
