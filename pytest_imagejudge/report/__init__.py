"""The model of a report: entries, tallies, merging, and its JSON form."""
