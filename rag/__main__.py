"""``python -m rag``: the command line."""

import sys

from rag.cli.commands import main

sys.exit(main())
