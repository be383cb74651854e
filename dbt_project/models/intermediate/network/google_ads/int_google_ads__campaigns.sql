{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    campaign_name,
    status,
    campaign_type,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__campaigns') }}
