{# An address whose query holds parameters, else null; decoded where the query as a whole was encoded. #}
{% macro tagged_url(url) -%}
    case
        when not contains({{ url }}, '?') then null
        when regexp_matches({{ url }}, '[?][^#]*=') then {{ url }}
        when regexp_matches({{ url }}, '[?][^#]*%3[Dd]') then url_decode({{ url }})
    end
{%- endmacro %}

{# First non-empty value of a query parameter, decoded; twice where it was encoded twice. #}
{% macro url_param(url, name) -%}
    nullif(trim(url_decode(url_decode(replace(regexp_extract({{ url }}, '[?&]{{ name }}=([^&#]+)', 1), '+', ' ')))), '')
{%- endmacro %}

{# A parameter that holds an id: digits only, so that placeholders such as [SITE_SOURCE_NAME] never join. #}
{% macro url_id_param(url, name) -%}
    nullif(regexp_extract({{ url }}, '[?&]{{ name }}=([0-9]+)(?:[&#]|$)', 1), '')
{%- endmacro %}

{# Lower-case host without a leading www. #}
{% macro url_host(url) -%}
    nullif(regexp_extract(lower({{ url }}), '^[a-z]+://(?:[^/@?#]*@)?(?:www\.)?([^/:?#]+)', 1), '')
{%- endmacro %}

{# HubSpot's auto-tracking parameters as the contract's hierarchy: columns hsa_network, hsa_account_id, hsa_campaign_id,
   hsa_ad_group_id, hsa_ad_id, hsa_is_lead_ad. LinkedIn's shifted levels need no change: hsa_cam is the campaign group. #}
{% macro hsa_columns(url) -%}
    case lower({{ url_param(url, 'hsa_net') }})
        when 'adwords' then 'google_ads'
        when 'facebook' then 'facebook_ads'
        when 'linkedin' then 'linkedin_ads'
    end as hsa_network,
    {{ url_id_param(url, 'hsa_acc') }} as hsa_account_id,
    {{ url_id_param(url, 'hsa_cam') }} as hsa_campaign_id,
    {{ url_id_param(url, 'hsa_grp') }} as hsa_ad_group_id,
    {{ url_id_param(url, 'hsa_ad') }} as hsa_ad_id,
    coalesce({{ url_param(url, 'hsa_la') }} = 'true', false) as hsa_is_lead_ad
{%- endmacro %}

{# Where a page lies, whoever asks for it how: host without www. and path without a closing slash. #}
{% macro url_location(url) -%}
    {{ url_host(url) }} || rtrim(regexp_extract({{ url }}, '^[A-Za-z]+://[^/?#]+([^?#]*)', 1), '/')
{%- endmacro %}

{# The query of an address, without question mark and fragment; empty where it has none. #}
{% macro url_query(url) -%}
    regexp_extract({{ url }}, '^[^?#]*[?]([^#]*)', 1)
{%- endmacro %}

{# The first click id in a URL, and its parameter; null where there is none. #}
{% macro click_id(url) -%}
    nullif(trim(url_decode(regexp_extract({{ url }}, '[?&](?:{{ click_id_parameters() }})=([^&#]+)', 1))), '')
{%- endmacro %}

{% macro click_id_type(url) -%}
    nullif(regexp_extract({{ url }}, '[?&]({{ click_id_parameters() }})=[^&#]', 1), '')
{%- endmacro %}

{# The network that gives out a click id of that type. #}
{% macro click_network(column='click_id_type') -%}
    case
        when {{ column }} in ('gclid', 'gbraid', 'wbraid') then 'google_ads'
        when {{ column }} = 'fbclid' then 'facebook_ads'
        when {{ column }} = 'li_fat_id' then 'linkedin_ads'
    end
{%- endmacro %}

{% macro click_id_parameters() -%}
    {{ return('gclid|gbraid|wbraid|fbclid|li_fat_id|msclkid|ttclid') }}
{%- endmacro %}

{# Whether a snapshot of a page, by its tags, shows that this portal's tracking code is not there. #}
{% macro lacks_own_code() -%}
    list_has_any(tags, ['issue:tracking_code_missing', 'issue:tracking_code_other_portal'])
{%- endmacro %}
