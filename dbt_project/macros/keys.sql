{# Key columns of the ad hierarchy, the same for all networks (docs/contract.md, section 2). #}
{% macro ad_key(prefix='') -%}
    {{ prefix }}network, {{ prefix }}account_id, {{ prefix }}campaign_id, {{ prefix }}ad_group_id, {{ prefix }}ad_id
{%- endmacro %}

{# Join condition on the ad hierarchy; nulls are equal. #}
{% macro same_ad(a, b) -%}
    {{ a }}.network = {{ b }}.network
    and {{ a }}.account_id = {{ b }}.account_id
    and {{ a }}.campaign_id = {{ b }}.campaign_id
    and {{ a }}.ad_group_id is not distinct from {{ b }}.ad_group_id
    and {{ a }}.ad_id is not distinct from {{ b }}.ad_id
{%- endmacro %}

{# Join condition on a campaign. #}
{% macro same_campaign(a, b) -%}
    {{ a }}.network = {{ b }}.network
    and {{ a }}.account_id = {{ b }}.account_id
    and {{ a }}.campaign_id = {{ b }}.campaign_id
{%- endmacro %}

{# HMAC-SHA-256 of the trimmed, lower-case e-mail address with the home's key, for comparison only. The variables contain the key
   with both paddings of RFC 2104; adledger_home.py sets them for each connection. #}
{% macro email_hash(column) -%}
    case
        when getvariable('email_key_inner') is null then error('adledger: e-mail addresses are only hashed by dbt, which has the key')
        else
            sha256(
                getvariable('email_key_outer')
                || unhex(sha256(getvariable('email_key_inner') || encode(nullif(lower(trim({{ column }})), ''))))
            )
    end
{%- endmacro %}

{# Key columns of a campaign. #}
{% macro campaign_key(prefix='') -%}
    {{ prefix }}network, {{ prefix }}account_id, {{ prefix }}campaign_id
{%- endmacro %}

{# Key columns of an ad's day within its network. #}
{% macro ad_day() -%}
    account_id, date, campaign_id, ad_group_id, ad_id
{%- endmacro %}

{# The same columns of a campaign's day, for figures that no ad has. #}
{% macro campaign_day() -%}
    account_id, date, campaign_id, cast(null as varchar) as ad_group_id, cast(null as varchar) as ad_id
{%- endmacro %}

{# Aggregate: the campaign's total less that of its ads; rows of the campaign have no ad_id. #}
{% macro rest_of_campaign(figure) -%}
    sum(case when ad_id is null then {{ figure }} else -{{ figure }} end)
{%- endmacro %}
