{{ config(materialized='ephemeral') }}
select
    *,
    status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__campaign_groups') }}
