{{ config(severity='warn', store_failures=true, meta={'dagster': {'ref': {'name': 'int_accounts'}}}) }}
-- depends_on: {{ ref('int_accounts') }}, whose time zones are UTC instead

with zones as (
    select
        'HubSpot' as owner,
        portal_id as account_id,
        time_zone
    from {{ source('hubspot', 'account') }}
    union all
    select
        'google_ads' as owner,
        customer_id as account_id,
        time_zone
    from {{ source('google_ads', 'customers') }}
    union all
    select
        'facebook_ads' as owner,
        account_id,
        timezone_name as time_zone
    from {{ source('facebook_ads', 'ad_accounts') }}
    union all
    select
        'linkedin_ads' as owner,
        id as account_id,
        reporting_time_zone as time_zone
    from {{ source('linkedin_ads', 'ad_accounts') }}
)

select
    owner,
    account_id,
    time_zone,
    owner || ' account ' || account_id || ': DuckDB does not know its time zone ' || left(time_zone, 60)
    || ', so that its days are those of UTC. A newer version of DuckDB may know it.' as message
from zones
where time_zone is not null and time_zone not in (select known.name from pg_timezone_names() as known)
