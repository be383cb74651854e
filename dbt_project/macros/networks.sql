{# Rows of all networks with their `network`. `relation` is the name of each network's model, with {network} in its place; the
   networks are those of the variable networks. Columns are matched by name; one that a network does not have is null. #}
{% macro union_networks(relation) -%}
    {%- for network in var('networks') %}
    select
        '{{ network }}' as network,
        *
    from {{ ref(relation | replace('{network}', network)) }}
    {%- if not loop.last %}
    union all by name
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# Value of a column of the seed networks for the network in `column`; null without a network. #}
{% macro by_network(fact, column) -%}
    (select map(list(facts.network), list(facts.{{ fact }})) from {{ ref('networks') }} as facts)[{{ column }}]
{%- endmacro %}

{# HubSpot's names of all networks: the values of hsa_net. #}
{% macro hubspot_names() -%}
    (select list(facts.hubspot_name) from {{ ref('networks') }} as facts)
{%- endmacro %}

{# The network that HubSpot calls so, in hsa_net or in the filters of a list; null if there is none. #}
{% macro network_of_hubspot(name) -%}
    (select map(list(facts.hubspot_name), list(facts.network)) from {{ ref('networks') }} as facts)[lower({{ name }})]
{%- endmacro %}
