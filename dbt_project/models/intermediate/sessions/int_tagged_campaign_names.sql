-- HubSpot's drill-down keeps the utm_campaign of a visit whose address is gone; what it stands for say the addresses left
with addresses as (
    select {{ tagged_url('url') }} as tagged_url
    from {{ ref('int_property_visits') }}
    union all
    select {{ tagged_url('page_url') }} as tagged_url
    from {{ ref('int_submissions') }}
    where form_type != 'lead_ad' and exists (select 1 from {{ ref('int_property_visits') }})
),

names as (
    select distinct
        {{ hsa_columns('tagged_url') }},
        lower({{ url_param('tagged_url', 'utm_campaign') }}) as name
    from addresses
    where tagged_url is not null
)

select
    name,
    any_value(hsa_network) as network,
    any_value(hsa_account_id) as account_id,
    any_value(hsa_campaign_id) as campaign_id
from names
where name is not null
group by name
-- a name that addresses without the parameters carry, too, may have come without them
having
    count(distinct concat_ws('|', hsa_network, hsa_account_id, hsa_campaign_id)) = 1
    and bool_and(hsa_network is not null and hsa_account_id is not null and hsa_campaign_id is not null)
