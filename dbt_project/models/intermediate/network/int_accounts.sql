select
    accounts.network,
    accounts.account_id,
    accounts.account_name,
    accounts.currency,
    accounts.time_zone,
    portal.company_currency
from ({{ union_networks('stg_{network}__accounts') }}) as accounts
-- without a portal there is no company currency
left join {{ ref('stg_hubspot__account') }} as portal on true
