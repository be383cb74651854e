{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    campaign_name,
    status,
    status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__campaign_groups') }}
