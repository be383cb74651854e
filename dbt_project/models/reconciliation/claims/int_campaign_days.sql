-- the headline of each campaign and day as the bridge takes it apart
{{ headline_parts('network, account_id, campaign_id') }}
