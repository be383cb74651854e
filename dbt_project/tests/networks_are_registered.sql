-- each network of the variable networks has one complete row in the seed, and the seed has no other
with named as (
    select unnest({{ var('networks') }}) as network
)

select
    coalesce(named.network, networks.network) as network,
    count(*) as rows_of_it
from named
full join {{ ref('networks') }} as networks on named.network = networks.network
group by coalesce(named.network, networks.network)
having
    count(*) != 1
    or count(named.network) != 1
    or not coalesce(
        bool_and(
            networks.label != '' and networks.hubspot_name = lower(networks.hubspot_name)
            and networks.traffic_source in ('PAID_SEARCH', 'PAID_SOCIAL')
            and networks.match_methods != ''
            and networks.click_window_level in ('account', 'ad_group')
            and coalesce(networks.last_touch_of, 'account') in ('account', 'ad_group')
            and networks.counts_once_per in ('click', 'window')
            and least(
                networks.default_click_window_days, networks.finality_hours, networks.restated_days, networks.lead_retention_days
            ) >= 1
        ), false
    )
