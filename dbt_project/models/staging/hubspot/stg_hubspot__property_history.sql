with histories as (
    select
        contact_id,
        unnest([
            'hs_analytics_source',
            'hs_latest_source',
            'hs_latest_source_data_1',
            'hs_latest_source_data_2',
            'hs_latest_source_timestamp',
            'hs_analytics_first_url',
            'hs_analytics_last_url',
            'hs_google_click_id',
            'hs_facebook_click_id',
            'hs_linkedin_click_id'
        ]) as property,
        history
    from {{ source('hubspot', 'contact_histories') }}
),

entries as (
    select
        contact_id,
        property,
        unnest(
            from_json(
                json_extract(history, '$.' || property),
                '[{"value":"VARCHAR","timestamp":"VARCHAR","sourceType":"VARCHAR"}]'
            )
        ) as entry
    from histories
)

-- a history is landed again with each change, so entries repeat
select distinct
    contact_id,
    property,
    entry.value,
    try_cast(entry.timestamp as timestamptz) as seen_at
from entries
where
    nullif(entry.value, '') is not null
    and entry.sourcetype = 'ANALYTICS'
    and try_cast(entry.timestamp as timestamptz) <= {{ as_of() }}
