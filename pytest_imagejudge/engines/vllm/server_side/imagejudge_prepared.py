"""Imported by the process that others are forked from: it does the imports."""

from __future__ import annotations

import imagejudge_imports

imagejudge_imports.import_all()
