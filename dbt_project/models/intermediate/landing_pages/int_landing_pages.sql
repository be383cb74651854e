select
    *,
    {{ url_location('coalesce(final_url, landing_page_url)') }} as location,
    {{ lacks_own_code() }} as lacks_code,
    list_contains(tags, 'issue:redirect_drops_parameters') as drops_parameters,
    len(list_filter(forms, lambda form: starts_with(json_extract_string(form, '$.kind'), 'hubspot'))) > 0 as has_hubspot_form,
    len(
        list_filter(forms, lambda form: coalesce(try_cast(json_extract_string(form, '$.has_email_field') as boolean), false))
    ) > 0 as has_other_form
from {{ ref('landing_page_snapshots') }}
qualify row_number() over (partition by landing_page_url order by fetched_at desc) = 1
