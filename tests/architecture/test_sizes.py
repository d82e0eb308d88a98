"""Sizes are reported, not enforced: run with `-s`, or `python -m tools.sizes`."""

import ast

from source_tree import SRC
from tools import sizes


def test_report_sizes(capsys):
    report = sizes.report(SRC / "tokonomics")
    with capsys.disabled():
        print(f"\n{report.summary}")
    assert report.num_functions > 0


def test_a_function_is_as_long_as_its_code():
    tree = ast.parse('def one():\n    """Say.\n\n    More.\n    """\n    # why\n    x = 1\n\n    return x\n')
    assert sizes.code_lines(tree.body[0], tree) == 3
