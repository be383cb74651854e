{{ config(materialized='ephemeral') }}
select
    account_id,
    conversion_action_id,
    conversion_action_name,
    action_category,
    conversion_method as origin,
    -- CONVERSIONS_API is the documented value; files and CRM systems are the other sources without a tag:
    -- https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api-schema
    regexp_matches(conversion_method, 'CONVERSIONS_API|OFFLINE|UPLOAD|CSV|CRM') as is_uploaded,
    -- one member counts once in the window: https://www.linkedin.com/help/lms/answer/a426359
    false as counts_every,
    attribution_type as attribution_model,
    click_window_days,
    view_window_days,
    is_enabled as is_in_headline,
    valid_from,
    valid_until
from {{ ref('int_linkedin_ads__conversion_rule_versions') }}
union all by name
select
    account_id,
    'one_click_leads' as conversion_action_id,
    'Leads (on LinkedIn)' as conversion_action_name,
    'LEAD' as action_category,
    false as counts_every,
    true as is_in_headline,
    date '0001-01-01' as valid_from,
    date '9999-12-31' as valid_until
from {{ ref('stg_linkedin_ads__accounts') }}
