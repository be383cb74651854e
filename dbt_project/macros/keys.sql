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

{# SHA-256 of the trimmed, lower-case e-mail address, for comparison only. #}
{% macro email_hash(column) -%}
    sha256(nullif(lower(trim({{ column }})), ''))
{%- endmacro %}
