{{ config(materialized='ephemeral') }}
select
    *,
    false as is_lead_ad,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__ads') }}
