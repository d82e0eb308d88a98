"""The Markdown of a comment: verdict first, numbers as numbers, and no word of a stranger's outside a code span."""

import re

import pytest

from tokonomics.errors import InputError
from tokonomics.report.comment_text import code, comment_text, has_news

SIDE = {"option": "fp8 1x(2x h100) @verda", "freshness": "", "figures": {"usd_per_month": 1000.0, "num_gpus": 2}}
AFTER = {**SIDE, "option": "fp8 2x(2x h100) @verda", "figures": {"usd_per_month": 1500.0, "num_gpus": 4}}
STEP = {"inputs": ["traffic.requests_per_s"], "before": "3", "after": "9", "changes": {"usd_per_month": 500.0}}
PATH = {"steps": [STEP], "residuals": {"usd_per_month": 0.0}}
DIFF = {"kind": "diff", "before": SIDE, "after": AFTER, "attribution": PATH}
BROKEN = {"name": "max_usd_per_month", "limit": 1200.0, "value": 1500.0, "is_kept": False}
CHECK = {
    "kind": "check",
    "passed": False,
    "verdicts": [BROKEN, {**BROKEN, "name": "min_slo_probability", "is_kept": True}],
}
OPTION = {"name": "x", "kind": "api", "usd_per_month": 5.0}
QUOTE = {"kind": "quote", "options": [OPTION]}


def text(*documents):
    return comment_text([(f"{number}.json", one) for number, one in enumerate(documents)])


def test_the_verdict_stands_first_then_the_change_then_results():
    page = text(QUOTE, DIFF, CHECK)
    places = [page.index(part) for part in ("BROKEN: 1 of 2 limits", "+500.0 USD a month (+50 %)", "by `x`")]
    assert places == sorted(places)


def test_a_change_with_its_cause():
    page = text(DIFF)
    assert "**+500.0 USD a month (+50 %): 1,000 to 1,500**" in page
    assert "| `traffic.requests_per_s` | `3` | `9` | +500.0 |" in page
    assert "| GPUs | 2 | 4 | +2 |" in page
    assert "| residual |  |  | 0 |" in page


def test_no_change_is_said_so():
    page = text({**DIFF, "after": SIDE, "attribution": None})
    assert "No change: 1,000 USD a month" in page
    assert "as before" in page
    assert "<details>" not in page


def test_an_unpriced_side_is_unknown():
    unpriced = {**DIFF, "after": {**AFTER, "figures": {}}, "attribution": None}
    assert "1,000 to unknown USD a month" in text(unpriced)


def test_what_is_news():
    same = {**DIFF, "after": SIDE}
    kept = {**CHECK, "passed": True}
    assert not has_news([("a", same), ("b", kept)])
    assert has_news([("a", DIFF)])
    assert has_news([("a", same), ("b", CHECK)])
    assert has_news([("a", QUOTE)])


EVIL = "a | b `c` @everyone <img src=x onerror=1> [x](http://y)\n\n# head <!-- tokonomics:cost --> \x1b[31m"


@pytest.mark.parametrize(
    "document",
    [
        {**DIFF, "before": {**SIDE, "option": EVIL}, "after": {**AFTER, "option": EVIL}},
        {
            **DIFF,
            "attribution": {"steps": [{**STEP, "inputs": [EVIL], "before": EVIL, "after": EVIL}], "residuals": {}},
        },
        {**CHECK, "verdicts": [{**BROKEN, "value": EVIL, "limit": EVIL, "sentence": EVIL}]},
        {"kind": "quote", "options": [{**OPTION, "name": EVIL}]},
    ],
)
def test_words_of_a_stranger_stay_in_their_code_span(document):
    page = text(document)
    outside = (
        re.sub(r"`[^`\n]*`", "", page)
        .replace("<details><summary>", "")
        .replace("</summary>", "")
        .replace("</details>", "")
        .replace("<sub>", "")
        .replace("</sub>", "")
    )
    for sign in ("@", "<", "everyone", "onerror", "http:", "\x1b", "# head"):
        assert sign not in outside
    assert "`" not in outside


def test_a_pipe_does_not_end_a_cell():
    assert code("a|b") == "`a\\|b`"
    assert code("a\\|b") == "`a/\\|b`"
    assert code("") == "`-`"
    assert len(code("x" * 500)) <= 122


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"kind": "frontier"}, "limit=one of check, diff, quote, simulation, plan"),
        ({**CHECK, "verdicts": [{**BROKEN, "name": "evil"}]}, "limit=one of max_usd_per_month"),
        ({**CHECK, "verdicts": 3}, "verdicts=3; limit=a list"),
        ({**CHECK, "verdicts": []}, "has no verdicts; limit=1 or more"),
        ({**CHECK, "verdicts": [{**BROKEN, "value": [1]}]}, "value="),
        ({**DIFF, "attribution": {"steps": [{**STEP, "changes": {"usd_per_month": "x"}}]}}, "usd_per_month='x'"),
        ({**DIFF, "before": None}, None),
    ],
)
def test_documents_that_are_wrong(document, sentence):
    if sentence is None:
        assert "unknown to 1,500" in text(document)
        return
    with pytest.raises(InputError, match=re.escape(sentence)):
        text(document)
