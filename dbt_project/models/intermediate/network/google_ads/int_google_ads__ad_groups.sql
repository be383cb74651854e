{{ config(materialized='ephemeral') }}
select
    *,
    ad_group_type as ad_type,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__ad_groups') }}
