{%- set built = built_days() %}
select
    inputs.network,
    inputs.account_id,
    inputs.date
from {{ ref('int_day_inputs') }} as inputs
{%- if built is not none %}
left join {{ built }} as built
    on inputs.network = built.network and inputs.account_id = built.account_id and inputs.date = built.date
where inputs.fingerprint is distinct from built.fingerprint
union all
-- days without claims, credits and figures now
select
    built.network,
    built.account_id,
    built.date
from {{ built }} as built
anti join {{ ref('int_day_inputs') }} as inputs
    on built.network = inputs.network and built.account_id = inputs.account_id and built.date = inputs.date
{%- endif %}
