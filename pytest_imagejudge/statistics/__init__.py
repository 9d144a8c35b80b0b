"""Intervals, suite gates, baselines, planning, flips and agreement. Works without pytest."""
