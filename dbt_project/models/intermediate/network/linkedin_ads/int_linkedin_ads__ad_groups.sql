{{ config(materialized='ephemeral') }}
select
    *,
    objective_type as ad_type,
    status in ('REMOVED', 'PENDING_DELETION') as is_deleted
from {{ ref('stg_linkedin_ads__campaigns') }}
