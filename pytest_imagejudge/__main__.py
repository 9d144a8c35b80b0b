"""``python -m pytest_imagejudge`` is the command ``imagejudge``."""

import sys

from .cli import main

sys.exit(main())
