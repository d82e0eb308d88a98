"""The article's 377 claims: what this package computes, against an independent audit's figures in `article_audit.csv`."""

import ast
import csv
import sys
from pathlib import Path
from types import FrameType

import pytest
from tools.article import __main__ as command
from tools.article import equation, render
from tools.article.claims import Claim, answer, answers, claims, function_of
from tools.article.values import (
    UNSUPPORTED,
    VERDICTS,
    Bound,
    Value,
    read_inputs,
    rounds_to,
    shown,
    stated_value,
    verdict,
)

import tokonomics
from tokonomics.economics.serving import decode_formulas

TOOL = Path(equation.__file__).parent
SECTIONS = sorted({claim.call.partition(".")[0] for claim in claims() if claim.call})
GOLDEN = Path(__file__).with_name("article_audit.csv").read_text(encoding="utf-8")
AUDIT = {row["id"]: row for row in csv.DictReader(GOLDEN.splitlines())}
ANSWERS = {row.claim.id: row for row in answers()}
COMPUTED = [row.claim.id for row in answers() if row.computed is not None]
AUDITED = [one for one in COMPUTED if AUDIT[one]["value"]]
INPUT_FRAC = 5e-4  # the audit computes with 989 TFLOP/s and rounded gigabytes where the catalogue has 989.4 and bytes
each = pytest.mark.parametrize


def test_every_claim_stands_once_in_the_order_of_the_article():
    assert [claim.id for claim in claims()] == list(AUDIT)
    assert len(AUDIT) == 377


def test_everything_that_can_be_recomputed_is():
    judged = [row for row in answers() if AUDIT[row.claim.id]["verdict"] != UNSUPPORTED]
    assert len(judged) == 274
    assert [row.claim.id for row in judged if row.computed is None] == []


@each("claim", AUDITED)
def test_value_is_the_one_the_audit_found(claim: str):
    """Within rounding, unless the row says why it differs; a reason without a difference is stale."""
    row = ANSWERS[claim]
    assert agrees(AUDIT[claim]["value"], row.computed) != bool(row.claim.differs), (row.computed, AUDIT[claim]["value"])


def test_few_rows_differ_and_each_has_a_value_to_differ_from():
    differing = [claim.id for claim in claims() if claim.differs]
    assert set(differing) <= set(AUDITED)
    assert len(differing) <= 20


@each("claim", ANSWERS)
def test_verdict_is_the_one_the_audit_gave(claim: str):
    row = ANSWERS[claim]
    assert row.verdict in VERDICTS
    assert row.verdict == AUDIT[claim]["verdict"] or row.claim.differs


@each("claim", COMPUTED)
def test_value_comes_from_the_package(claim: str):
    """The call reaches a function of `tokonomics`, and the value is none of the inputs handed through."""
    row, seen = ANSWERS[claim].claim, set[str]()
    package = str(Path(tokonomics.__file__).parent)

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(package):
            seen.add(frame.f_code.co_name)

    call = function_of(row)
    sys.setprofile(note)
    try:
        call(**row.inputs)
    finally:
        sys.setprofile(None)
    assert seen, f"{row.call} computes without the package"


@each("section", SECTIONS)
def test_no_figure_is_typed_into_a_section(section: str):
    """Only 0, 1, 2, a half and 100 for percent: everything of the article is an input of its row."""
    tree = ast.parse((TOOL / f"{section}.py").read_text(encoding="utf-8"))
    dates = {id(leaf) for node in ast.walk(tree) if is_date(node) for leaf in ast.walk(node)}
    numbers = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and id(node) not in dates
    ]
    assert [node.value for node in numbers if node.value not in (0, 1, 2, 0.5, 100, 1e9)] == []


def test_the_withdrawn_formula_is_named_and_never_offered():
    """Bandwidth / (weights / batch) counts no cache: what is offered in its place falls below it as the batch grows."""
    assert not ANSWERS["S1-002"].claim.call
    assert "takes back" in (decode_formulas.__doc__ or "")
    figures = {"num_sequences": 64, "bandwidth_bytes_per_s": 3.35e12, "weights_bytes": 37.7e9}
    withdrawn = figures["bandwidth_bytes_per_s"] / (figures["weights_bytes"] / figures["num_sequences"])
    offered = decode_formulas.decode_tokens_per_s(**figures, kv_bytes_per_token=327_680, context_tokens=1536)
    assert offered < 0.6 * withdrawn


def test_a_wrong_product_changes_the_verdict(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(equation, "usd_per_mtok", lambda hour, rate: 2 * hour / rate)
    assert answer(ANSWERS["S0-001"].claim).verdict == "wrong"


@each("claim", claims(), ids=lambda claim: claim.id)
def test_row_is_whole(claim: Claim):
    """A reason in one line; a ruling only where figures alone give none, or another verdict."""
    row = ANSWERS[claim.id]
    assert claim.statement
    assert claim.stated
    assert claim.why
    assert not any(set(text) & set("|\n") for text in (claim.statement, claim.stated, claim.why, claim.differs))
    if claim.ruling and row.computed is not None:
        assert claim.ruling != derived(claim, row.computed), "the ruling is what the figures give"


def test_golden_figures_are_the_audits(shared_dir: Path):
    with (shared_dir / "reference/article_claims.csv").open(encoding="utf-8", newline="") as file:
        theirs = {row["id"]: row for row in csv.DictReader(file)}
    assert set(theirs) == set(AUDIT)
    for name, row in AUDIT.items():
        assert theirs[name]["verdict"].lower().endswith(row["verdict"]), name
        if row["from"] == "column" or theirs[name]["recomputed_value"]:
            assert row["value"] == theirs[name]["recomputed_value"], name


def test_wording_is_our_own(shared_dir: Path):
    """No six words in a row of the audit's remarks or of the article stand in a row of ours."""
    with (shared_dir / "reference/article_claims.csv").open(encoding="utf-8", newline="") as file:
        remarks = {row["comment"] for row in csv.DictReader(file)}
    theirs = {run for text in remarks for run in runs(text)}
    theirs |= set(runs((shared_dir / "reference/source-article.txt").read_text(encoding="utf-8")))
    ours = {run for claim in claims() for text in (claim.statement, claim.why, claim.differs) for run in runs(text)}
    assert ours & theirs == set()


def test_page_holds_every_claim_and_counts_them(repo_dir: Path):
    text = render.page()
    assert (repo_dir / "docs/article.md").read_text(encoding="utf-8") == text, "run `python -m tools.article`"
    for section in range(11):
        body = text.split(f"\n## {section}. ")[1].split("\n## ")[0]
        assert [f"S{section}-" in line for line in body.splitlines() if line.startswith("| S")].count(True) == sum(
            claim.section == section for claim in claims()
        )
    assert set(render.DECISIVE) <= set(ANSWERS)
    assert all(ANSWERS[claim].verdict in ("wrong", "impossible") for claim in render.DECISIVE)


def test_command_checks_writes_and_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    monkeypatch.setattr(command, "PAGE", tmp_path / "article.md")
    assert command.main(["--check"]) == 1
    assert "out of step" in capsys.readouterr().err
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
    assert command.main(["--write"]) == 2


@each(
    ("stated", "computed", "expected"),
    [
        ("2.78", 2.77778, "ok"),
        ("1", 1.2, "wrong"),  # the digits allow it, the distance does not
        ("50", 52.0, "rounding"),
        ("50", 53.0, "wrong"),
        ("0", 0.0, "ok"),
        ("5", 0.0, "wrong"),
        ("30-40", 31.6, "ok"),
        ("30-40", 24.0, "wrong"),
        ("3-10", (1.3, 5.0), "wrong"),
        ("API", "api", "ok"),
        ("34", Bound(24.1, fits=False), "impossible"),
        ("20", Bound(24.1, fits=False), "impossible"),
        ("20", Bound(24.1, fits=True), "ok"),
        ("1.73e-07", 1.7292e-07, "ok"),
    ],
)
def test_verdicts(stated: str, computed: Value, expected: str):
    assert verdict(stated, computed) == expected


@each(("stated", "computed"), [("true", 1.0), ("34", (24.1, 88.9)), ("API", 3.0)])
def test_figures_of_different_kinds_need_a_ruling(stated: str, computed: Value):
    with pytest.raises(TypeError, match="give the claim a ruling"):
        verdict(stated, computed)


def test_cells_are_read_and_written():
    assert stated_value("0.25-0.5") == (0.25, 0.5)
    assert stated_value("-3") == -3.0
    assert stated_value("N/A") == "N/A"
    assert read_inputs("") == {}
    assert read_inputs("a=1 b=x,2 c=d/e") == {"a": 1.0, "b": ("x", 2.0), "c": "d/e"}
    assert [shown(one) for one in (0.0, 1.7292e-7, 100.0, 129.6, 1e6, -5.0, "API", (1.0, 2.5))] == [
        *("0", "1.729e-07", "100", "129.6", "1,000,000", "-5", "API", "1-2.5"),
    ]
    assert rounds_to("0.45", 0.4549)
    assert not rounds_to("0.45", 0.4551)


def agrees(audited: str, computed: Value | None) -> bool:
    """Whether a computed value is the audit's: numbers within rounding, words among the words."""
    found = computed.tokens_per_s if isinstance(computed, Bound) else computed
    figures = stated_value(audited)
    if isinstance(found, str):
        return audited.casefold() in found.casefold()
    if isinstance(figures, tuple):
        ends = audited.split("-")
        return isinstance(found, tuple) and all(rounds_to(a, b, least_frac=INPUT_FRAC) for a, b in zip(ends, found))
    return isinstance(found, float) and rounds_to(audited, found, least_frac=INPUT_FRAC)


def derived(claim: Claim, computed: Value) -> str:
    if claim.ruling == UNSUPPORTED:
        return ""  # a figure without a source stays so, whatever it is near
    try:
        return verdict(claim.stated, computed)
    except TypeError:
        return ""


def is_date(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("date", "datetime")


def runs(text: str, length: int = 6) -> list[str]:
    words = "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split()
    return [" ".join(words[at : at + length]) for at in range(len(words) - length + 1)]
