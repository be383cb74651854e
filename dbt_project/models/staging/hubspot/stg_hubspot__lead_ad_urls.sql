with histories as (
    select
        contact_id,
        unnest(['hs_analytics_first_url', 'hs_analytics_last_url']) as property,
        history
    from {{ source('hubspot', 'contact_histories') }}
    -- prefilter: avoids parsing the histories of all other contacts
    where contains(history, 'hsa_la')
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
    where contains(first_url, 'hsa_la')
    union
    select
        contact_id,
        last_url,
        last_seen_at
    from {{ ref('stg_hubspot__contacts') }}
    where contains(last_url, 'hsa_la')
)

select
    contact_id,
    url,
    seen_at
from all_urls
where {{ url_param('url', 'hsa_la') }} = 'true' and seen_at <= {{ as_of() }}
