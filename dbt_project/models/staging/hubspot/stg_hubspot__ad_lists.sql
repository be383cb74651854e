with filters as (
    select
        id as list_id,
        json_extract(filters, '$..filters[*]') as conditions
    from {{ source('hubspot', 'lists') }}
    where has_ad_filter and deleted_at is null
),

conditions as (
    select
        list_id,
        conditions[1] as condition,
        from_json(json_extract(conditions[1], '$.searchTerms'), '["VARCHAR"]') as terms
    from filters
    where len(conditions) = 1
)

select
    list_id,
    {{ network_of_hubspot("json_extract_string(condition, '$.adNetwork')") }} as network,
    case when json_extract_string(condition, '$.searchTermType') = 'ID' then terms[1] end as campaign_id,
    case when json_extract_string(condition, '$.searchTermType') != 'ID' then terms[1] end as campaign_name
from conditions
where
    json_extract_string(condition, '$.filterType') = 'ADS_SEARCH'
    and json_extract_string(condition, '$.entityType') = 'CAMPAIGN'
    and json_extract_string(condition, '$.operator') = 'IS_EQUAL_TO'
    and network is not null
    and len(terms) = 1
