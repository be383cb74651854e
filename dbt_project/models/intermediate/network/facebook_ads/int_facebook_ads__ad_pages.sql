{{ config(materialized='ephemeral') }}
-- carousel ads have several landing pages
select
    *,
    unnest(urls) as url
from {{ ref('stg_facebook_ads__ads') }}
