"""The vendors and the landing pages: one folder each, loaded by `ingestion.pipelines`."""
