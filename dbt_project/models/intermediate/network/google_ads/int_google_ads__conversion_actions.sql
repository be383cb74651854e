{{ config(materialized='ephemeral') }}
with figures as (
    -- actions of an inaccessible manager account have figures but no settings
    select
        account_id,
        conversion_action_id,
        max(conversion_action_name) as conversion_action_name,
        max(action_category) as action_category
    from {{ ref('stg_google_ads__campaign_conversions') }}
    group by account_id, conversion_action_id
)

select
    account_id,
    conversion_action_id,
    conversion_action_name,
    action_category,
    status,
    origin,
    -- enhanced conversions for leads are uploads too; imports from Analytics are events of a tag. Store sales are
    -- matched from uploaded data: https://developers.google.com/google-ads/api/docs/conversions/categories
    nullif(
        conversion_action_type
        in ('UPLOAD_CLICKS', 'UPLOAD_CALLS', 'SALESFORCE', 'STORE_SALES_DIRECT_UPLOAD', 'STORE_SALES'),
        false
    ) as is_uploaded,
    -- https://support.google.com/google-ads/answer/3438531
    counting_type = 'MANY_PER_CLICK' as counts_every,
    attribution_model,
    click_window_days,
    view_window_days,
    is_in_headline,
    valid_from,
    valid_until
from {{ ref('int_google_ads__conversion_action_versions') }}
union all by name
select
    figures.*,
    false as counts_every,
    true as is_in_headline,
    date '0001-01-01' as valid_from,
    date '9999-12-31' as valid_until
from figures
where
    not exists (
        select 1
        from {{ ref('stg_google_ads__conversion_action_versions') }} as listed
        where
            figures.account_id = listed.account_id
            and figures.conversion_action_id = listed.conversion_action_id
    )
