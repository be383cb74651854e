{# The ad hierarchy every network shares (docs/contract.md, section 2). #}
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

{# E-mails are compared, never shown: SHA-256 of the trimmed, lower-case address. #}
{% macro email_hash(column) -%}
    sha256(nullif(lower(trim({{ column }})), ''))
{%- endmacro %}

{# A dbt variable that maps network to a number, as SQL. #}
{% macro by_network(variable, column='network') -%}
    case {{ column }}
        {%- for network, value in setting(variable).items() %}
        when '{{ network }}' then {{ value }}
        {%- endfor %}
    end
{%- endmacro %}
