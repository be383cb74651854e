{{ config(materialized='ephemeral') }}
select
    *,
    status = 'DELETED' as is_deleted
from {{ ref('stg_facebook_ads__ad_sets') }}
