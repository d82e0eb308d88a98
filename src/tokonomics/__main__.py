"""Entry point of the `tok` command.

`tok`, `tok --help` and `tok --version` print stored text: importing click alone takes over three times as long as
starting Python, and a help page should feel instant. `tools/make_docs.py` writes the text from click, and a
test keeps the two equal.
"""

import gc
import os
import sys


def main() -> None:
    """Run the command line."""
    if not _answered_from_store(sys.argv[1:]):
        _start_fast()
        from tokonomics.cli.main import run

        run()


def _start_fast() -> None:
    """Leave out what costs a short-lived process time and gives it nothing.

    Imports make tens of thousands of objects that live to the end, which the collector would walk again and again;
    pydantic would read the metadata of every installed distribution to look for plugins of our records.
    """
    gc.set_threshold(50_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _answered_from_store(args: list[str]) -> bool:
    """Print the help page or the version when that is all `args` ask for; say whether it was."""
    if "_TOK_COMPLETE" in os.environ or args not in ([], ["-h"], ["--help"], ["--version"]):
        return False
    if args == ["--version"]:
        from tokonomics import __version__

        text = f"tok {__version__}\n"
    else:
        with open(os.path.join(os.path.dirname(__file__), "cli", "help.txt"), encoding="utf-8") as page:
            text = page.read()
    sys.stdout.write(text)
    return True


if __name__ == "__main__":
    main()
