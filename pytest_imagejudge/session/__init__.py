"""One judge for one run: deduplication, the store, requests, and reading of answers."""
