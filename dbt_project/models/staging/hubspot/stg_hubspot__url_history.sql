-- every value the first and last URL of a contact ever held; the current value where the history is missing
with versions as (
    select
        contact_id,
        unnest(
            list_concat(
                coalesce(
                    from_json(
                        json_extract(property_history, '$.hs_analytics_first_url'), '[{"value":"VARCHAR","timestamp":"VARCHAR"}]'
                    ), []
                ),
                coalesce(
                    from_json(
                        json_extract(property_history, '$.hs_analytics_last_url'), '[{"value":"VARCHAR","timestamp":"VARCHAR"}]'
                    ), []
                )
            )
        ) as version
    from {{ ref('stg_hubspot__contacts') }}
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
