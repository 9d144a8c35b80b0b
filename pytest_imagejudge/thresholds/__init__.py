"""Profiles: the bounds that turn scores into outcomes."""
