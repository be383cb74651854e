select
    network,
    account_id,
    campaign_id,
    date,
    {{ amount('sum(conversions)') }} as conversions,
    {{ amount('sum(date_basis)') }} as date_basis,
    {{ amount('sum(non_form)') }} as non_form,
    {{ amount('sum(uploaded)') }} as uploaded,
    {{ amount('sum(viewed)') }} as viewed,
    {{ amount('sum(fractional)') }} as fractional,
    {{ amount('sum(click_units)') }} as click_units,
    {{ amount('sum(lead_units)') }} as lead_units,
    {{ amount('sum(unexplained)') }} as unexplained
from {{ ref('int_ad_days') }}
group by network, account_id, campaign_id, date
