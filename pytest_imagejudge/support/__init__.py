"""Helpers that know nothing of judging."""
