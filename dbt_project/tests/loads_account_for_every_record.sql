{{ config(meta={'dagster': {'ref': {'name': 'quarantine'}}}) }}
with quarantined as (
    select
        source,
        resource,
        loaded_at,
        count(*) as records
    from {{ ref('quarantine') }}
    group by source, resource, loaded_at
),

-- a record that several scopes of a load count is in quarantine once
counted as (
    select
        source,
        resource,
        loaded_at,
        sum(received) as received,
        sum(landed) as landed,
        sum(duplicates) as duplicates,
        sum(quarantined) as quarantined,
        max(quarantined) as most_quarantined,
        bool_or(received != landed + duplicates + quarantined) as is_wrong
    from {{ ref('int_load_counts') }}
    group by source, resource, loaded_at
)

select
    counted.source,
    counted.resource,
    counted.loaded_at,
    counted.received,
    counted.landed,
    counted.duplicates,
    counted.quarantined,
    coalesce(quarantined.records, 0) as quarantined_records
from counted
left join quarantined
    on
        counted.source = quarantined.source
        and counted.resource = quarantined.resource
        and counted.loaded_at = quarantined.loaded_at
where
    counted.is_wrong
    or coalesce(quarantined.records, 0) < counted.most_quarantined
    or coalesce(quarantined.records, 0) > counted.quarantined
