"""`python -m roboscribe` is the `roboscribe` command."""

import sys

from roboscribe.cli.app import process

sys.exit(process())
