"""Pictures: canonical pixels from paths, bytes, arrays, tensors and pipelines."""
