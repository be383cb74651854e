{{ config(materialized='ephemeral') }}
select
    *,
    submitted_at as created_at,
    false as is_test,
    false as is_organic
from {{ ref('stg_google_ads__lead_form_submissions') }}
