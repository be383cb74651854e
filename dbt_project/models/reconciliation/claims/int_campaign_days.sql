-- the network's headline of each campaign and day, split into what the bridge's aggregate steps take away and the whole
-- units that single claims can hold
with figures as (
    select
        conversions.network,
        conversions.account_id,
        conversions.campaign_id,
        conversions.date,
        conversions.conversion_action_id,
        conversions.is_form_action,
        conversions.event_type,
        conversions.conversions,
        -- LinkedIn and Meta report one basis only; it stands for the day of the conversion
        coalesce(conversions.conversions_by_conversion_date, conversions.conversions) as converted,
        -- uploaded and view figures of form actions go to their own steps; of other actions to non_form_action
        case
            when not conversions.is_form_action then 'non_form'
            when conversions.event_type = 'uploaded' then 'uploaded'
            when conversions.event_type in ('view', 'engaged_view') then 'view'
            when conversions.event_type = 'lead_form' then 'lead'
            else 'click'
        end as part
    from {{ ref('fct_network_conversions') }} as conversions
    where conversions.counts_in_headline
),

actions as (
    select
        network,
        account_id,
        campaign_id,
        date,
        part,
        conversion_action_id,
        sum(conversions) as conversions,
        sum(converted) as converted,
        case when part in ('click', 'lead') then cast(round(sum(converted), 0) as decimal(18, 6)) end as whole
    from figures
    group by network, account_id, campaign_id, date, part, conversion_action_id
)

-- one decimal type throughout: where widths differ DuckDB may unify them to a type without decimals
select
    network,
    account_id,
    campaign_id,
    date,
    cast(sum(conversions) as decimal(18, 6)) as conversions,
    cast(sum(converted) - sum(conversions) as decimal(18, 6)) as date_basis,
    cast(coalesce(sum(converted) filter (where part = 'non_form'), 0) as decimal(18, 6)) as non_form,
    cast(coalesce(sum(converted) filter (where part = 'uploaded'), 0) as decimal(18, 6)) as uploaded,
    cast(coalesce(sum(converted) filter (where part = 'view'), 0) as decimal(18, 6)) as viewed,
    cast(coalesce(sum(whole - converted) filter (where part in ('click', 'lead')), 0) as decimal(18, 6)) as fractional,
    cast(coalesce(sum(whole) filter (where part = 'click'), 0) as decimal(18, 6)) as click_units,
    cast(coalesce(sum(whole) filter (where part = 'lead'), 0) as decimal(18, 6)) as lead_units
from actions
group by network, account_id, campaign_id, date
