"""dlt sources that land raw records. Knows HTTP and raw shapes; never Dagster, never dbt."""
