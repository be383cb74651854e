{%- set built = built_contacts() -%}
{%- set sessions = adapter.get_relation(target.database, 'intermediate', 'int_sessions') if built is not none %}
select inputs.contact_id
from {{ ref('int_contact_inputs') }} as inputs
{%- if built is not none %}
left join {{ built }} as built on inputs.contact_id = built.contact_id
where inputs.fingerprint is distinct from built.fingerprint
union all
-- merged or erased since
select built.contact_id
from {{ built }} as built
anti join {{ ref('int_contact_inputs') }} as inputs on built.contact_id = inputs.contact_id
union
select sessions.contact_id
from {{ sessions }} as sessions
left join {{ ref('int_click_ids') }} as resolved on sessions.click_id = resolved.google_click_id
where
    sessions.click_id_type = 'gclid'
    and sessions.ad_evidence is distinct from 'hsa'
    and (
        sessions.campaign_id is distinct from resolved.campaign_id
        or sessions.ad_group_id is distinct from resolved.ad_group_id
        or sessions.ad_id is distinct from resolved.ad_id
    )
{%- endif %}
-- depends_on: {{ ref('int_click_ids') }}
