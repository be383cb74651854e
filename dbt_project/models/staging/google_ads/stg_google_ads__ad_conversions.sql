select
    customer_id as account_id,
    date,
    campaign_id,
    ad_group_id,
    ad_id,
    conversion_action_id,
    conversion_action_name,
    conversion_action_category as action_category,
    conversion_attribution_event_type as attribution_event_type,
    external_conversion_source,
    coalesce(cast(conversions as decimal(18, 6)), 0) as conversions,
    cast(conversions_value as decimal(18, 6)) as conversions_value,
    cast(all_conversions as decimal(18, 6)) as all_conversions,
    cast(all_conversions_value as decimal(18, 6)) as all_conversions_value,
    cast(conversions_by_conversion_date as decimal(18, 6)) as conversions_by_conversion_date,
    cast(conversions_value_by_conversion_date as decimal(18, 6)) as conversions_value_by_conversion_date,
    cast(all_conversions_by_conversion_date as decimal(18, 6)) as all_conversions_by_conversion_date,
    cast(all_conversions_value_by_conversion_date as decimal(18, 6)) as all_conversions_value_by_conversion_date,
    observed_at
from {{ source('google_ads', 'ad_conversions') }}
where {{ current_figures() }}
