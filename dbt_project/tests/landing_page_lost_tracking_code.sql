{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'landing_page_snapshots'}}}) }}

with pages as (
    select
        landing_page_url,
        max(fetched_at) as fetched_at,
        arg_max(detected_by, fetched_at) as detected_by,
        max(case when detected_by in ('script', 'inline', 'hosted') then fetched_at end) as last_found_at
    from {{ ref('landing_page_snapshots') }}
    -- pages that could not be read prove nothing
    where detected_by != 'unread'
    group by landing_page_url
)

select
    landing_page_url,
    last_found_at,
    landing_page_url || ': the HTML contained the HubSpot tracking code on ' || {{ day_in('last_found_at', "'UTC'") }}
    || ' and no longer on ' || {{ day_in('fetched_at', "'UTC'") }} || case
        -- the recorded session can be older than the change
        when detected_by in ('visit', 'tag_manager', 'consent_manager', 'rendered_by_script')
            then '. Make sure that a tag manager or the page''s scripts load it now.'
        else '. Add it again: HubSpot records no page views of this page.'
    end as message
from pages
where last_found_at < fetched_at
