{{ config(materialized='ephemeral') }}
select * from {{ ref('stg_facebook_ads__ad_insights') }}
