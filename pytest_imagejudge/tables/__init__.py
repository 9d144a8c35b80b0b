"""Rows out of CSV, JSON, JSON Lines, Parquet and Excel files, one at a time, with what is wrong about each."""
