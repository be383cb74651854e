select
    id as deal_id,
    pipeline as pipeline_id,
    dealstage as stage_id,
    try_cast(nullif(amount, '') as decimal(18, 6)) as amount,
    try_cast(nullif(amount_in_home_currency, '') as decimal(18, 6)) as amount_company_currency,
    nullif(deal_currency_code, '') as currency,
    try_cast(closedate as timestamptz) as closed_at,
    coalesce(hs_is_closed_won = 'true', false) as is_closed_won
from {{ source('hubspot', 'deals') }}
where not archived and deleted_at is null
