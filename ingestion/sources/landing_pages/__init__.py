"""Landing pages: what stands behind the ads' final URLs, fetched politely, snapshotted and tagged."""
