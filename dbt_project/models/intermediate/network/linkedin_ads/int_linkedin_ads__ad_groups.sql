{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    ad_group_id,
    ad_group_name,
    status,
    objective_type as ad_type,
    status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__campaigns') }}
