with shared as (
    -- inputs of the whole portal
    select hash(list(host order by host), any_value(portal.has_page_views)) as fingerprint
    from {{ ref('int_own_hosts') }}
    cross join (select exists(select 1 from {{ ref('stg_hubspot__page_views') }}) as has_page_views) as portal
),

parts as (
    select
        contact_id,
        'page_views' as part,
        count(*) as records,
        -- events change only by erasure, which removes the contact
        bit_xor(hash(event_id)) as fingerprint
    from {{ ref('int_page_views') }}
    group by contact_id
    union all
    select
        contact_id,
        'property_visits' as part,
        count(*) as records,
        bit_xor(
            hash(
                visit_id, referrer, source, source_campaign, gclid, fbclid, li_fat_id, known_by_submission_at, session_known_since
            )
        ) as fingerprint
    from {{ ref('int_property_visits') }}
    group by contact_id
    union all
    select
        contact_id,
        'submissions' as part,
        count(*) as records,
        bit_xor(
            hash(
                submission_id, form_id, form_type, submitted_at, page_url, is_filtered,
                {{ ad_key() }}
            )
        ) as fingerprint
    from {{ ref('int_submissions') }}
    where contact_id is not null
    group by contact_id
    union all
    select
        contact_id,
        'contact' as part,
        1 as records,
        hash(
            created_at, original_source, first_url, first_visit_at, first_seen_at, latest_source, latest_source_at, last_url,
            last_seen_at, visits, merged_contact_ids
        ) as fingerprint
    from {{ ref('int_contacts') }}
    union all
    select
        contact_id,
        'known_visitor' as part,
        1 as records,
        hash(known_by_submission_at) as fingerprint
    from {{ ref('int_known_visitors') }}
)

select
    parts.contact_id,
    hash(
        list((parts.part, parts.records, parts.fingerprint) order by parts.part), any_value(shared.fingerprint)
    ) as fingerprint
from parts
cross join shared
group by parts.contact_id
