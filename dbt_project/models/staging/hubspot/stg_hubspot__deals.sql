select
    id as deal_id,
    pipeline as pipeline_id,
    dealstage as stage_id,
    {{ amount_of_text('amount') }} as amount,
    {{ amount_of_text('amount_in_home_currency') }} as amount_company_currency,
    nullif(deal_currency_code, '') as currency,
    try_cast(closedate as timestamptz) as closed_at,
    coalesce(hs_is_closed_won = 'true', false) as is_closed_won
from {{ source('hubspot', 'deals') }}
where not archived and deleted_at is null
