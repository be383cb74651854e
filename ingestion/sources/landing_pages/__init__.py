"""Landing pages behind the ads' final URLs: fetched within limits, stored as snapshots, tagged."""
