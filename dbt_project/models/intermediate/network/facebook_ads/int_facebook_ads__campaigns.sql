{{ config(materialized='ephemeral') }}
select
    account_id,
    campaign_id,
    campaign_name,
    status,
    campaign_type,
    status = 'DELETED' as is_deleted
from {{ ref('stg_facebook_ads__campaigns') }}
