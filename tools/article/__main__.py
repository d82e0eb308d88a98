"""Write `docs/article.md`, or with `--check` say whether it is out of step."""

import sys
from pathlib import Path
from typing import Final

from tools.article.render import page

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "article.md"


def main(args: list[str]) -> int:
    """Write or check the page; return the exit code."""
    if args not in ([], ["--check"]):
        print("usage: python -m tools.article [--check]", file=sys.stderr)
        return 2
    text = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if args:
        print("docs/article.md is out of step with the package; run `python -m tools.article`", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print("wrote docs/article.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
