{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    lead_id,
    form_id,
    submitted_at as created_at,
    false as is_test,
    false as is_organic,
    email
from {{ ref('stg_google_ads__lead_form_submissions') }}
