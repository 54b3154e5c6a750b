"""python -m hashtag."""

from __future__ import annotations

import sys

from hashtag.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
