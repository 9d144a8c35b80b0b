"""Rows of CSV, JSON, JSON Lines, Parquet and Excel files, one at a time, each with its errors."""
