{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'landing_page_snapshots'}}}) }}

with pages as (
    select
        url,
        max(fetched_at) as fetched_at,
        arg_max(evidence, fetched_at) as evidence,
        max(case when evidence in ('script', 'inline', 'hosted') then fetched_at end) as last_found_at
    from {{ ref('landing_page_snapshots') }}
    -- what was not read tells nothing
    where evidence != 'unread'
    group by url
)

select
    url,
    last_found_at,
    url || ': the HubSpot tracking code stood in the page on ' || cast(last_found_at at time zone 'UTC' as date)
    || ' and was gone on ' || cast(fetched_at at time zone 'UTC' as date) || case
        -- a visit may be from before
        when evidence in ('visit', 'tag_manager', 'consent_manager', 'rendered_by_script')
            then '. Make sure that the tag manager or the page''s scripts bring it now.'
        else '. Put it back: HubSpot sees no visit of this page.'
    end as message
from pages
where last_found_at < fetched_at
