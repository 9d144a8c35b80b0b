"""A judge in a local vLLM server: planned, started, shared between processes and ended."""
