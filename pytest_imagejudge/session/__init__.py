"""One judge for one run: it deduplicates, looks into the store, asks, reads and stores."""
