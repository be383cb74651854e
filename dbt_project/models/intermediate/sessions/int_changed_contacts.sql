{%- set built = built_contacts() -%}
{%- set sessions = adapter.get_relation(target.database, 'intermediate', 'int_sessions') if built is not none %}
select inputs.contact_id
from {{ ref('int_contact_inputs') }} as inputs
{%- if built is not none %}
left join {{ built }} as built on inputs.contact_id = built.contact_id
where inputs.fingerprint is distinct from built.fingerprint
union all
-- merged or erased since the last build
select built.contact_id
from {{ built }} as built
anti join {{ ref('int_contact_inputs') }} as inputs on built.contact_id = inputs.contact_id
union
-- contacts whose click Google lists now, or lists no longer
select sessions.contact_id
from {{ sessions }} as sessions
left join ({{ listed_clicks(sessions, 'session_id') }}) as listed on sessions.session_id = listed.session_id
where
    coalesce(sessions.match_method not in ('hsa', 'drilldown'), true)
    and sessions.is_tracked_visit
    and (listed.campaign_id is not null or sessions.match_method = 'click_view')
    and (
        sessions.match_method is distinct from 'click_view'
        or sessions.campaign_id is distinct from listed.campaign_id
        or sessions.ad_group_id is distinct from listed.ad_group_id
        or sessions.ad_id is distinct from listed.ad_id
    )
union
select sessions.contact_id
from {{ sessions }} as sessions
left join {{ ref('int_google_ads__campaign_accounts') }} as campaigns on sessions.google_campaign_id = campaigns.campaign_id
where sessions.google_campaign_id is not null and (campaigns.campaign_id is not null) != sessions.is_known_campaign
union
-- contacts whose drill-down campaign or ad changed
select sessions.contact_id
from {{ sessions }} as sessions
left join {{ ref('int_tagged_campaign_names') }} as named
    on
        sessions.drilldown_campaign = named.name
        and (sessions.traffic_source = 'PAID_SEARCH') = ({{ by_network('traffic_source', 'named.network') }} = 'PAID_SEARCH')
left join ({{ listed_clicks(sessions, 'session_id') }}) as listed
    on sessions.session_id = listed.session_id and named.campaign_id = listed.campaign_id
where
    sessions.drilldown_campaign is not null
    and (
        (case when sessions.match_method = 'drilldown' then sessions.campaign_id end) is distinct from named.campaign_id
        or (sessions.match_method = 'drilldown' and sessions.ad_id is distinct from listed.ad_id)
    )
{%- endif %}
-- depends_on: {{ ref('int_click_ids') }}
-- depends_on: {{ ref('int_tagged_campaign_names') }}
-- depends_on: {{ ref('int_google_ads__campaign_accounts') }}
-- depends_on: {{ ref('networks') }}
