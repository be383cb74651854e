select
    network,
    account_id,
    campaign_id,
    date,
    cast(sum(conversions) as decimal(18, 6)) as conversions,
    cast(sum(date_basis) as decimal(18, 6)) as date_basis,
    cast(sum(non_form) as decimal(18, 6)) as non_form,
    cast(sum(uploaded) as decimal(18, 6)) as uploaded,
    cast(sum(viewed) as decimal(18, 6)) as viewed,
    cast(sum(fractional) as decimal(18, 6)) as fractional,
    cast(sum(click_units) as decimal(18, 6)) as click_units,
    cast(sum(lead_units) as decimal(18, 6)) as lead_units,
    cast(sum(unexplained) as decimal(18, 6)) as unexplained
from {{ ref('int_ad_days') }}
group by network, account_id, campaign_id, date
