"""`python -m factory` is `factory`."""

import sys

from .cli import main

sys.exit(main())
