"""The vendors and the landing pages: a folder each, read by `ingestion.pipelines`."""
