{{ config(materialized='ephemeral') }}
select
    *,
    unnest(urls) as url
from {{ ref('int_linkedin_ads__ads') }}
