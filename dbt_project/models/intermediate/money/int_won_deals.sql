select
    deals.deal_id,
    deals.closed_at,
    -- in the portal's time zone, as its exchange rates
    {{ day_in('deals.closed_at', "coalesce(portal.time_zone, 'UTC')") }} as closed_on,
    deals.amount,
    deals.amount_company_currency,
    coalesce(deals.currency, portal.company_currency) as currency,
    portal.company_currency
from {{ ref('stg_hubspot__deals') }} as deals
cross join {{ ref('stg_hubspot__account') }} as portal
left join {{ ref('stg_hubspot__deal_stages') }} as stages
    on deals.pipeline_id = stages.pipeline_id and deals.stage_id = stages.stage_id
where coalesce(stages.is_won, deals.is_closed_won)
