-- the HTML does not show a tracking code that a tag manager loads; a session that HubSpot recorded on the page proves it
with page_tags as (
    select
        url,
        list(tag) as tags
    from {{ ref('int_landing_page_tags') }}
    group by url
)

select
    snapshots.snapshot_id,
    snapshots.url as landing_page_url,
    snapshots.fetched_at,
    snapshots.http_status,
    snapshots.final_url,
    snapshots.is_proven_by_visit or snapshots.has_tracking_code as has_tracking_code,
    case when snapshots.is_proven_by_visit then 'visit' else snapshots.evidence end as detected_by,
    case
        when list_contains(snapshots.portal_ids, snapshots.own_portal_id) then snapshots.own_portal_id
        when snapshots.is_proven_by_visit then snapshots.own_portal_id
        else snapshots.portal_ids[1]
    end as portal_id,
    snapshots.forms,
    list_sort(
        list_distinct(
            list_concat(
                coalesce(page_tags.tags, []),
                list_filter(
                    [
                        case
                            when not snapshots.has_tracking_code and not snapshots.is_proven_by_visit
                                then 'issue:no_tracking_code'
                        end,
                        case
                            when
                                snapshots.has_tracking_code and not snapshots.is_proven_by_visit
                                and len(snapshots.portal_ids) > 0
                                and not list_contains(snapshots.portal_ids, snapshots.own_portal_id)
                                then 'issue:tracking_code_other_portal'
                        end,
                        case when snapshots.error is not null and snapshots.error != 'not_html' then 'issue:page_unreachable' end,
                        case when len(snapshots.dropped_parameters) > 0 then 'issue:redirect_drops_parameters' end
                    ],
                    lambda tag: tag is not null
                )
            )
        )
    ) as tags,
    snapshots.content_sha256,
    snapshots.redirects,
    snapshots.dropped_parameters,
    snapshots.error,
    snapshots.detail
from {{ ref('int_landing_page_snapshots') }} as snapshots
left join page_tags on snapshots.url = page_tags.url
