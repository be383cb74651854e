{# The text percent-decoded, or unchanged if the decoded bytes are not UTF-8: visitors can send any bytes. #}
{% macro url_decoded(text) -%}
    list_transform([{{ text }}], lambda encoded: coalesce(try(url_decode(encoded)), encoded))[1]
{%- endmacro %}

{# The URL if its query contains parameters, else null; decoded if the whole query was percent-encoded. #}
{% macro tagged_url(url) -%}
    case
        when not contains({{ url }}, '?') then null
        when regexp_matches({{ url }}, '[?][^#]*=') then {{ url }}
        when regexp_matches({{ url }}, '[?][^#]*%3[Dd]') then {{ url_decoded(url) }}
    end
{%- endmacro %}

{# First non-empty value of a query parameter, decoded; values that were encoded twice are decoded twice. #}
{% macro url_param(url, name) -%}
    {%- set value = "replace(regexp_extract(" ~ url ~ ", '[?&]" ~ name ~ "=([^&#]+)', 1), '+', ' ')" -%}
    nullif(trim({{ url_decoded(url_decoded(value)) }}), '')
{%- endmacro %}

{# Value of a query parameter that contains an id: digits only, so that placeholders such as [SITE_SOURCE_NAME] never join. #}
{% macro url_id_param(url, name) -%}
    nullif(regexp_extract({{ url }}, '[?&]{{ name }}=([0-9]+)(?:[&#]|$)', 1), '')
{%- endmacro %}

{# Lower-case host without a leading www. #}
{% macro url_host(url) -%}
    nullif(regexp_extract(lower({{ url }}), '^[a-z]+://(?:[^/@?#]*@)?(?:www\.)?([^/:?#]+)', 1), '')
{%- endmacro %}

{# The part of a URL whose `hsa_*` parameters belong together. A link that was tagged twice contains several blocks; a new block
   starts where a parameter name repeats. The first block with network, account and campaign is used as a whole, never a mix.
   HubSpot documents no rule: the setting hsa_block_taken selects the first or the last block. `hubspot_names` is a column with the
   result of hubspot_names(). #}
{% macro hsa_block(url) -%}
    {%- set position = 1 if setting('hsa_block_taken') == 'first' else -1 -%}
    {%- set first_name = "regexp_extract(" ~ url ~ ", '[?&](hsa_(acc|cam|net)=)', 1)" -%}
    {%- set blocks -%}
        list_transform(
            string_split({{ url }}, {{ first_name }})[2:],
            lambda block: regexp_replace(
                regexp_replace('?' || {{ first_name }} || block, '(hsa_acc=.*hsa_cam=.*?)&hsa_acc=.*', '\1'),
                '(hsa_cam=.*hsa_acc=.*?)&hsa_cam=.*', '\1'
            )
        )
    {%- endset -%}
    case
        when len(regexp_extract_all({{ url }}, '[?&]hsa_(acc|cam|net)=')) <= 3 then {{ url }}
        else
            coalesce(
                list_filter(
                    {{ blocks }},
                    lambda block: regexp_matches(block, '[?&]hsa_acc=[0-9]')
                    and regexp_matches(block, '[?&]hsa_cam=[0-9]')
                    and list_contains(hubspot_names, lower(regexp_extract(block, '[?&]hsa_net=([^&#]*)', 1)))
                )[{{ position }}],
                {{ blocks }}[{{ position }}]
            )
    end
{%- endmacro %}

{# HubSpot's auto-tracking parameters in the contract's hierarchy: columns hsa_network, hsa_account_id, hsa_campaign_id,
   hsa_ad_group_id, hsa_ad_id, hsa_source, hsa_is_lead_ad. For LinkedIn hsa_cam already is the campaign group. #}
{% macro hsa_columns(url) -%}
    {%- set block = hsa_block(url) -%}
    {{ network_of_hubspot(url_param(block, 'hsa_net')) }} as hsa_network,
    {{ url_id_param(block, 'hsa_acc') }} as hsa_account_id,
    {{ url_id_param(block, 'hsa_cam') }} as hsa_campaign_id,
    {{ url_id_param(block, 'hsa_grp') }} as hsa_ad_group_id,
    {{ url_id_param(block, 'hsa_ad') }} as hsa_ad_id,
    {{ url_param(block, 'hsa_src') }} as hsa_source,
    coalesce({{ url_param(block, 'hsa_la') }} = 'true', false) as hsa_is_lead_ad
{%- endmacro %}

{# Normalised location of a page: host without www. and path without a trailing slash. #}
{% macro url_location(url) -%}
    {{ url_host(url) }} || rtrim(regexp_extract({{ url }}, '^[A-Za-z]+://[^/?#]+([^?#]*)', 1), '/')
{%- endmacro %}

{# URL without query and fragment. #}
{% macro bare_url(url) -%}
    regexp_extract({{ url }}, '^[^?#]*')
{%- endmacro %}

{# Query string of a URL, without question mark and fragment; empty if it has none. #}
{% macro url_query(url) -%}
    regexp_extract({{ url }}, '^[^?#]*[?]([^#]*)', 1)
{%- endmacro %}

{# The URL as it is published. Of its query only the parameters of an ad's click remain, without values that contain an e-mail
   address: a visitor's own parameters can be personal data. `parameters` is a column with the result of click_id_parameters(). #}
{% macro published_url(url, parameters='click_id_parameters') -%}
    {{ bare_url(url) }} || coalesce(
        '?' || nullif(
            array_to_string(
                list_filter(
                    string_split({{ url_query(url) }}, '&'),
                    lambda param: (
                        regexp_matches(param, '(?i)^(hsa|utm|gad)_[a-z_]+=')
                        or list_contains({{ parameters }}, lower(regexp_extract(param, '^([^=]+)=', 1)))
                    )
                    and not regexp_matches(param, '(?i)@|%(25)*40')
                ),
                '&'
            ),
            ''
        ),
        ''
    )
{%- endmacro %}

{# Click ids of a URL as a list of `type` and `id`, the most exact first. A shared link can contain ids of several networks, and
   Google adds up to three of its own. `parameters` is a column with the result of click_id_parameters(). #}
{% macro click_ids(url, parameters='click_id_parameters') -%}
    list_transform(
        list_sort(
            list_transform(
                list_filter(
                    regexp_extract_all({{ url }}, '[?&]([A-Za-z_]+=[^&#]+)', 1),
                    lambda param: list_contains({{ parameters }}, lower(split_part(param, '=', 1)))
                ),
                lambda param: {
                    'rank': list_position({{ parameters }}, lower(split_part(param, '=', 1))),
                    'at': position('&' || param in replace({{ url }}, '?', '&')),
                    'type': lower(split_part(param, '=', 1)),
                    'id': trim({{ url_decoded("regexp_replace(param, '^[^=]*=', '')") }})
                }
            )
        ),
        lambda click: {'type': click.type, 'id': click.id}
    )
{%- endmacro %}

{# The click ids (`type`, `id`) in the order of click_id_parameters(), the most exact first. #}
{% macro ranked_click_ids(clicks, parameters='click_id_parameters') -%}
    flatten(
        list_transform({{ parameters }}, lambda parameter: list_filter({{ clicks }}, lambda click: click.type = parameter))
    )
{%- endmacro %}

{# Condition: the URL is the landing URL of an ad click, because it contains HubSpot's parameters or a click id. #}
{% macro names_a_click(url) -%}
    ({{ url }} in (select tagged.url from {{ ref('int_tagged_urls') }} as tagged where tagged.has_click))
{%- endmacro %}

{# Names of the click id parameters, the most exact first (seed click_id_parameters). #}
{% macro click_id_parameters() -%}
    (select list(parameter order by position) from {{ ref('click_id_parameters') }})
{%- endmacro %}

{# Condition: the tags of a page snapshot show that this portal's tracking code is missing. #}
{% macro lacks_own_code() -%}
    list_has_any(tags, ['issue:no_tracking_code', 'issue:tracking_code_other_portal'])
{%- endmacro %}

{# Condition: HubSpot's template for Google Ads came from a click on a Microsoft ad, after an import of a Google campaign into
   Microsoft Ads. The network `o` exists only at Microsoft (https://help.ads.microsoft.com/apex/index/3/en/56799).
   Expects the columns of hsa_columns() and click_ids. #}
{% macro is_microsoft_click() -%}
    coalesce(
        hsa_network = 'google_ads'
        and (
            lower(hsa_source) = 'o'
            or (
                list_contains(list_transform(click_ids, lambda click: click.type), 'msclkid')
                and len(list_filter(click_ids, lambda click: click.type in ('gclid', 'gbraid', 'wbraid'))) = 0
            )
        ), false
    )
{%- endmacro %}

{# The ad of the first gclid that Google's click_view lists; one row per `key` of a relation with click_ids. #}
{% macro listed_clicks(relation, key) -%}
    select
        landings.{{ key }},
        clicks.*
    from (
        select
            {{ key }},
            unnest(click_ids) as click,
            generate_subscripts(click_ids, 1) as position
        from {{ relation }}
    ) as landings
    inner join {{ ref('int_click_ids') }} as clicks
        on landings.click.type = 'gclid' and landings.click.id = clicks.google_click_id
    qualify row_number() over (partition by landings.{{ key }} order by landings.position) = 1
{%- endmacro %}
