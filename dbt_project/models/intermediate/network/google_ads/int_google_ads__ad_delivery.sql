{{ config(materialized='ephemeral') }}
select * from {{ ref('stg_google_ads__ad_metrics') }}
