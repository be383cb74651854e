{{ config(materialized='ephemeral') }}
select
    accounts.account_id,
    headline.action_type as conversion_action_id,
    headline.action_name as conversion_action_name,
    headline.action_category,
    nullif(regexp_extract(headline.action_type, '^(offsite|onsite|offline)_conversion', 1), '') as origin,
    -- pixel and Conversions API share the other types; only the map separates them:
    -- https://developers.facebook.com/docs/marketing-api/conversions-api/offline-events
    starts_with(headline.action_type, 'offline_conversion.') as is_uploaded,
    -- Meta counts actions, not people
    true as counts_every,
    true as is_in_headline,
    headline.is_form,
    date '0001-01-01' as valid_from,
    date '9999-12-31' as valid_until
from {{ ref('stg_facebook_ads__accounts') }} as accounts
cross join {{ ref('facebook_headline_actions') }} as headline
