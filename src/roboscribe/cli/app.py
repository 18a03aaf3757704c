"""The `roboscribe` command: its first word picks a command, the rest goes there.

Nothing heavy is imported here, so that help comes at once.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from roboscribe import __version__
from roboscribe.errors import RoboscribeError, Terminated, closest

EXIT_OK, EXIT_ABORTED, EXIT_USAGE, EXIT_SOME_FAILED = 0, 1, 2, 3

COMMANDS = {
    "annotate": "fill the language columns of a LeRobot dataset",
    "subtasks": "divide episodes into atomic skills: an index per frame, for Hi Robot",
    "dialogue": "imagine what people say for each skill, and what the robot answers",
    "estimate": "what a run would take: calls, tokens, hours and cost",
    "view": "show what is said of episodes, along their time",
    "status": "what is done, what failed, and why",
    "validate": "check the language of an annotated dataset against every rule",
    "convert": "v2.x to v3.0; language columns to index features, and back",
    "cache": "how large the request cache is, and making it smaller",
    "download": "bring a dataset of the Hugging Face Hub to this disk, with its videos",
    "push": "send a finished dataset to the Hugging Face Hub",
    "demo": "annotate the bundled sample and show it",
}

EXAMPLES = """\
examples:
  roboscribe demo
  roboscribe annotate --root my_dataset --output-dir my_dataset_annotated
  roboscribe annotate --root my_dataset --episodes 0-9 --memory.enabled=false
  roboscribe status --root my_dataset_annotated"""


def process() -> int:
    """Run the command line in a process of its own, which starts and ends the sooner for searching less garbage.

    What is imported stays: searching it every 700 new objects takes a tenth of the start of a command, and searching
    it once more at the end, when all is given back anyway, as long again.
    """
    gc.set_threshold(20_000)
    try:
        return main()
    finally:
        # Threads that are amid something are waited for, unless it is interrupted once more.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        gc.freeze()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0 for all done, 3 some failed, 1 none or stopped, 2 bad input."""
    # Arrow's own allocator keeps much that is free, and saves no time here. Read when pyarrow is imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(help_text())
        return EXIT_OK
    if words[0] in ("-V", "--version"):
        print(f"roboscribe {__version__}")
        return EXIT_OK
    try:
        return command(words[0])(words[1:])
    except (KeyboardInterrupt, Terminated):
        print("\nroboscribe: stopped. What is finished is kept; the same command goes on.", file=sys.stderr)
        return EXIT_ABORTED
    except RoboscribeError as error:
        print(f"roboscribe: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        # The reader of our output (a pager, `head`) has gone; there is nobody left to tell.
        sys.stderr.close()
        return EXIT_ABORTED


def command(name: str) -> Callable[[Sequence[str]], int]:
    """The function of a command, from words to exit code.

    Raises:
        RoboscribeError: There is no such command.
    """
    if name not in COMMANDS:
        raise RoboscribeError(
            f"There is no command {name!r}.{closest(name, COMMANDS)}", "`roboscribe --help` lists them."
        )
    return import_module(f"roboscribe.cli.{name}").main


def help_text() -> str:
    """What `roboscribe --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join(
        [
            "usage: roboscribe COMMAND [flags]",
            "",
            "Gives robot-learning datasets their language.",
            "",
            "commands:",
            *lines,
            "",
            EXAMPLES,
            "",
            "`roboscribe COMMAND --help` tells the flags of a command.",
        ]
    )
