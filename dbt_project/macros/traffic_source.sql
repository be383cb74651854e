{# HubSpot's traffic source of a session, by the first rule that matches; the landing URL comes before the referring domain.
   https://knowledge.hubspot.com/reports/understand-hubspots-traffic-sources-in-the-traffic-analytics-tool
   Expects columns utm_source, utm_medium, utm_campaign, source_param, gclid, referrer_host, referrer_kind (social, search,
   mail, rss, null), is_own_referrer, is_known_network (utm_source is exactly a social network's name). #}
{% macro traffic_source() -%}
    {%- set any_utm = "coalesce(utm_source, utm_medium, utm_campaign) is not null" -%}
    {%- set utm_text = "lower(concat_ws(' ', utm_source, utm_medium, utm_campaign))" -%}
    {%- set any_text = "lower(concat_ws(' ', utm_source, utm_medium, utm_campaign, source_param))" -%}
    case
        -- utm_medium=social from a social network is organic social, whatever else the URL contains
        when lower(utm_medium) = 'social' and (is_known_network or coalesce(referrer_kind = 'social', false)) then 'SOCIAL_MEDIA'
        when regexp_matches(lower(source_param), 'adword|ppc|cpc') then 'PAID_SEARCH'
        -- a gclid that is too short or has other characters is invalid
        when regexp_matches(gclid, '^[A-Za-z0-9_.-]{10,}$') then 'PAID_SEARCH'
        when regexp_matches(lower(utm_medium), 'paid|ppc|cpc')
            and (is_known_network or coalesce(referrer_kind = 'social', false)) then 'PAID_SOCIAL'
        when regexp_matches(lower(concat_ws(' ', utm_source, utm_medium)), 'paidsocial') then 'PAID_SOCIAL'
        when {{ any_utm }} and referrer_host = 'google.com' then 'PAID_SEARCH'
        when regexp_matches({{ utm_text }}, 'adword|ppc|cpc') then 'PAID_SEARCH'
        when contains({{ any_text }}, 'email') then 'EMAIL_MARKETING'
        when {{ any_utm }} or source_param is not null then 'OTHER_CAMPAIGNS'
        when referrer_kind = 'social' then 'SOCIAL_MEDIA'
        when referrer_kind in ('mail', 'rss') then 'DIRECT_TRAFFIC'
        when referrer_kind = 'search' then 'ORGANIC_SEARCH'
        -- own pages are no referring source: docs/contract.md, fct_sessions
        when is_own_referrer then 'DIRECT_TRAFFIC'
        when referrer_host is not null then 'REFERRALS'
        else 'DIRECT_TRAFFIC'
    end
{%- endmacro %}

{# HubSpot's two drill-downs of a traffic source; their meaning depends on the source. Expects traffic_source, referrer_name,
   search_term and the columns of traffic_source(). https://knowledge.hubspot.com/contacts/understand-source-properties #}
{% macro traffic_source_drilldown_1() -%}
    case
        when traffic_source in ('PAID_SEARCH', 'EMAIL_MARKETING', 'OTHER_CAMPAIGNS') then utm_campaign
        when traffic_source in ('PAID_SOCIAL', 'SOCIAL_MEDIA')
            then case when is_known_network then lower(utm_source) else coalesce(referrer_name, lower(utm_source)) end
        when traffic_source = 'ORGANIC_SEARCH' then {{ url_param('referrer', 'q') }}
        when traffic_source = 'REFERRALS' then referrer_host
    end
{%- endmacro %}

{% macro traffic_source_drilldown_2() -%}
    case
        when traffic_source = 'PAID_SEARCH' then search_term
        when traffic_source in ('PAID_SOCIAL', 'SOCIAL_MEDIA') then utm_campaign
        when traffic_source = 'OTHER_CAMPAIGNS' then nullif(concat_ws(' / ', utm_source, utm_medium), '')
        when traffic_source = 'ORGANIC_SEARCH' then referrer_name
        when traffic_source = 'REFERRALS' then referrer
    end
{%- endmacro %}
