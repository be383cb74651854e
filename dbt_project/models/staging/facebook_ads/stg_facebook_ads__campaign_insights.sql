select
    account_id,
    date,
    campaign_id,
    {{ facebook_figures() }}
from {{ source('facebook_ads', 'insights_campaign') }}
where {{ current_figures() }}
