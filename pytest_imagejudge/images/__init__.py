"""Pictures: from whatever a caller hands over to canonical pixels."""
