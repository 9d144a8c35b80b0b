"""The embedded judge ``signals``: image statistics, OCR and a nudity detector on the CPU."""

from .engine import SignalsEngine

__all__ = ["SignalsEngine"]
