with snapshots as (
    select
        *,
        {{ url_location('coalesce(final_url, url)') }} as location,
        {{ url_query('url') }} as query,
        -- once the code is removed from the HTML, earlier page views no longer prove it
        coalesce(
            bool_or(has_tracking_code) over (
                partition by url
                order by fetched_at
                rows between unbounded preceding and 1 preceding
            ), false
        ) as had_tracking_code
    from {{ ref('stg_landing_pages__snapshots') }}
),

visits as (
    select
        location,
        query,
        true as is_page_view,
        first_viewed_at as first_at
    from {{ ref('int_viewed_pages') }}
    union all
    -- the visitor may be known from an earlier page: if the HTML has no code, only a view of this page proves it
    select
        {{ url_location('submissions.page_url') }} as location,
        {{ url_query('submissions.page_url') }} as query,
        false as is_page_view,
        min(submissions.submitted_at) as first_at
    -- the published URL has lost the parameters that select a page
    from {{ ref('int_submissions') }} as submissions
    inner join {{ ref('int_submission_tracking') }} as tracking on submissions.submission_id = tracking.submission_id
    where tracking.is_tracked and submissions.page_url is not null
    group by location, query
),

visited as (
    select distinct snapshots.snapshot_id
    from snapshots
    inner join visits
        on
            snapshots.location = visits.location
            -- a query that selects the page belongs to its identity
            and contains(visits.query, snapshots.query)
            and snapshots.fetched_at >= visits.first_at
            and (visits.is_page_view or snapshots.has_tracking_code is null)
)

select
    snapshots.*,
    portal.portal_id as own_portal_id,
    visited.snapshot_id is not null
    and not coalesce(snapshots.has_tracking_code, false)
    and not (snapshots.has_tracking_code is not null and snapshots.had_tracking_code) as is_proven_by_visit
from snapshots
left join {{ ref('stg_hubspot__account') }} as portal on true
left join visited on snapshots.snapshot_id = visited.snapshot_id
