-- every value the first and last URL of a contact was ever seen to hold: HubSpot keeps only the newest entries
with histories as (
    select
        contact_id,
        unnest(['hs_analytics_first_url', 'hs_analytics_last_url']) as property,
        history
    from {{ source('hubspot', 'contact_histories') }}
),

versions as (
    select
        contact_id,
        unnest(from_json(json_extract(history, '$.' || property), '[{"value":"VARCHAR","timestamp":"VARCHAR"}]')) as version
    from histories
),

all_urls as (
    select
        contact_id,
        version.value as url,
        try_cast(version.timestamp as timestamptz) as seen_at
    from versions
    union
    select
        contact_id,
        first_url,
        first_seen_at
    from {{ ref('stg_hubspot__contacts') }}
    union
    select
        contact_id,
        last_url,
        last_seen_at
    from {{ ref('stg_hubspot__contacts') }}
)

select
    contact_id,
    url,
    seen_at
from all_urls
where url is not null and url != '' and seen_at <= {{ as_of() }}
