-- HTML does not show a code that a tag manager brings; a visit that HubSpot recorded on the page does
with snapshots as (
    select
        *,
        coalesce(final_url, url) as page_url,
        {{ url_location('coalesce(final_url, url)') }} as location,
        {{ url_query('url') }} as query,
        -- the code stood in the HTML once: where it is gone, earlier visits prove nothing
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
    -- a visitor is known by the page seen before, too: where HTML shows no code, only a view of this page proves it
    select
        {{ url_location('page_url') }} as location,
        {{ url_query('page_url') }} as query,
        false as is_page_view,
        min(submitted_at) as first_at
    from {{ ref('fct_form_submissions') }}
    where is_tracked and page_url is not null
    group by location, query
),

visited as (
    select distinct snapshots.snapshot_id
    from snapshots
    inner join visits
        on
            snapshots.location = visits.location
            -- a page that its query tells apart is that page alone
            and contains(visits.query, snapshots.query)
            and snapshots.fetched_at >= visits.first_at
            and (visits.is_page_view or snapshots.has_tracking_code is null)
),

read as (
    select
        snapshots.*,
        portal.portal_id as own_portal_id,
        visited.snapshot_id is not null
        and not coalesce(snapshots.has_tracking_code, false)
        and not (snapshots.has_tracking_code is not null and snapshots.had_tracking_code) as is_proven_by_visit
    from snapshots
    left join {{ ref('stg_hubspot__account') }} as portal on true
    left join visited on snapshots.snapshot_id = visited.snapshot_id
),

ads as (
    select
        urls.url,
        pages.network,
        pages.campaign_id
    from {{ ref('stg_landing_pages__urls') }} as urls
    inner join {{ ref('int_campaign_pages') }} as pages on urls.source = pages.network and urls.final_url = pages.url
    union
    select
        urls.url,
        sessions.network,
        sessions.campaign_id
    from {{ ref('stg_landing_pages__urls') }} as urls
    inner join {{ ref('fct_sessions') }} as sessions on urls.final_url = split_part(sessions.landing_url, '?', 1)
    where urls.source = 'hubspot' and sessions.is_ad_click
),

tags as (
    select
        url,
        tag
    from {{ ref('stg_landing_pages__tags') }}
    union
    select
        url,
        'network:' || network as tag
    from ads
    union
    select
        url,
        'network:' || source as tag
    from {{ ref('stg_landing_pages__urls') }}
    where source in ('google_ads', 'facebook_ads', 'linkedin_ads')
    union
    select
        url,
        'campaign:' || campaign_id as tag
    from ads
),

page_tags as (
    select
        url,
        list(tag) as tags
    from tags
    group by url
)

select
    read.snapshot_id,
    read.url,
    read.fetched_at,
    read.http_status,
    read.final_url,
    read.is_proven_by_visit or read.has_tracking_code as has_tracking_code,
    case when read.is_proven_by_visit then 'visit' else read.evidence end as evidence,
    case
        when list_contains(read.portal_ids, read.own_portal_id) then read.own_portal_id
        when read.is_proven_by_visit then read.own_portal_id
        else read.portal_ids[1]
    end as portal_id,
    read.forms,
    list_sort(
        list_distinct(
            list_concat(
                coalesce(page_tags.tags, []),
                list_filter(
                    [
                        case
                            when not read.has_tracking_code and not read.is_proven_by_visit
                                then 'issue:tracking_code_missing'
                        end,
                        case
                            when
                                read.has_tracking_code and not read.is_proven_by_visit
                                and len(read.portal_ids) > 0 and not list_contains(read.portal_ids, read.own_portal_id)
                                then 'issue:tracking_code_other_portal'
                        end,
                        case when read.error is not null and read.error != 'not_html' then 'issue:page_unreachable' end,
                        case when len(read.dropped_parameters) > 0 then 'issue:redirect_drops_parameters' end
                    ],
                    lambda tag: tag is not null
                )
            )
        )
    ) as tags,
    read.content_sha256,
    read.redirects,
    read.dropped_parameters,
    read.error,
    read.detail
from read
left join page_tags on read.url = page_tags.url
