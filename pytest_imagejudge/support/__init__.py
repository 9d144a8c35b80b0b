"""Small tools without knowledge of judging: files, locks, digests, escaping, text tables."""
