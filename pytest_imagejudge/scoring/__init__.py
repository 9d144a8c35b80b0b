"""Scores: from raw facet scores to figures, and the verdict that carries them."""
