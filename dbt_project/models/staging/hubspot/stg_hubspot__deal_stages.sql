with stages as (
    select
        id as pipeline_id,
        unnest(
            from_json(stages, '[{"id":"VARCHAR","label":"VARCHAR","metadata":{"isClosed":"VARCHAR","probability":"VARCHAR"}}]')
        ) as stage
    from {{ source('hubspot', 'deal_pipelines') }}
)

select
    pipeline_id,
    stage.id as stage_id,
    stage.label as stage_label,
    coalesce(stage.metadata.isclosed = 'true' and try_cast(stage.metadata.probability as double) = 1, false) as is_won
from stages
