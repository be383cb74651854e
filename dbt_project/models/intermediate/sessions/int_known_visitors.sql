with first_urls as (
    select
        aliases.contact_id,
        min(histories.seen_at) as known_at
    from {{ ref('stg_hubspot__property_history') }} as histories
    inner join {{ ref('int_contact_aliases') }} as aliases on histories.contact_id = aliases.alias_id
    where histories.property = 'hs_analytics_first_url'
    group by aliases.contact_id
),

-- each record of a merged contact has its own submission that made the visitor known
merged as (
    select contact_id from {{ ref('int_contact_aliases') }}
    where alias_id != contact_id
)

select
    first_urls.contact_id,
    first_urls.known_at,
    case
        when first_urls.contact_id not in (select merged.contact_id from merged)
            then {{ written_for('first_urls.known_at', 'submissions.submitted_at') }}
    end as known_by_submission_at
from first_urls
asof left join {{ ref('int_submissions') }} as submissions
    on
        first_urls.contact_id = submissions.contact_id
        and first_urls.known_at >= submissions.submitted_at
