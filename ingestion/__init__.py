"""dlt sources that land raw records. Covers HTTP and raw record shapes; imports neither Dagster nor dbt."""
