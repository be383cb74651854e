{{ config(materialized='ephemeral') }}
select
    *,
    status = 'REMOVED' as is_deleted
from {{ ref('stg_google_ads__campaigns') }}
