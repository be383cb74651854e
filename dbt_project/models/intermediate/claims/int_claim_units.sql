with eligible as (
    select
        submission_id,
        {{ ad_key() }},
        date,
        case when event_type = 'lead' then 'lead' else 'click' end as unit_type,
        is_credited_by_default,
        is_test,
        is_exact_click,
        number_after_click,
        clicked_at,
        occurred_at
    from {{ ref('int_claims') }}
    where could_count{% if setting('last_click_takes_all') %} and is_last_touch{% endif %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by network, account_id, campaign_id, date, unit_type
            order by
                {% if setting('credited_take_units_first') %}is_credited_by_default desc,{% endif %}
                is_test asc,
                -- repeats get units last
                {% if setting('repeats_take_units_last') %}number_after_click = 1 desc,{% endif %}
                is_exact_click desc,
                clicked_at {{ 'desc' if setting('latest_clicks_take_units_first') else 'asc' }},
                occurred_at asc,
                submission_id asc,
                ad_group_id asc nulls last,
                ad_id asc nulls last
        ) as position
    from eligible
),

figures as (
    select
        network,
        account_id,
        campaign_id,
        date,
        unit_type,
        units
    from {{ ref('int_campaign_days') }}
    unpivot (units for unit_type in (click_units as 'click', lead_units as 'lead'))
)

select
    ranked.submission_id,
    {{ ad_key('ranked.') }},
    {{ amount('case when ranked.position <= coalesce(figures.units, 0) then 1 else 0 end') }} as network_units
from ranked
left join figures
    on
        {{ same_campaign('ranked', 'figures') }}
        and ranked.date = figures.date
        and ranked.unit_type = figures.unit_type
