"""Which input did it: the path from one scenario to another, on questions whose answers are known."""

import pytest

from tokonomics.errors import Infeasible, InputError, UnknownName
from tokonomics.planning.diff import compare
from tokonomics.planning.inputs_changed import changed_keys, in_order, inputs_of, switched
from tokonomics.planning.outcome import Outcome, changes
from tokonomics.planning.subject import Subject
from tokonomics.planning.switching import walk
from tokonomics.planning.what_if import at_load
from tokonomics.workload.scenario import Scenario

BASE = {"models": ["a"], "traffic": {"preset": "chat", "requests_per_s": 2.0}}


def scenario(**keys):
    traffic = {**BASE["traffic"], **keys.pop("traffic", {})}
    kept = {key: value for key, value in traffic.items() if value is not None}
    return Scenario.from_dict({**BASE, **keys, "traffic": kept})


def price(one: Scenario) -> Outcome:
    """A price with an interaction: spares cost by the rate."""
    rate = one.traffic.requests_per_s or (one.traffic.users or 0) / 10
    usd = 100.0 * rate * (1 + one.num_spare_replicas) + (7.0 if one.slo else 0.0)
    return Outcome(option="+".join(one.models), usd_per_month=usd)


def usd(path):
    outcomes = [path.start, *(step.outcome for step in path.steps)]
    return [one.usd_per_month for one in outcomes]


class TestPath:
    def test_it_steps_in_the_order_of_the_keys(self):
        path = walk(
            scenario(), scenario(traffic={"requests_per_s": 6.0}, slo="ttft_p95=1s", num_spare_replicas=1), price
        )
        assert [step.keys for step in path.steps] == [("traffic.requests_per_s",), ("slo",), ("num_spare_replicas",)]
        assert usd(path) == [200.0, 600.0, 607.0, 1207.0]
        assert next((step.before, step.after) for step in path.steps) == ("2", "6")

    def test_each_is_also_switched_alone(self):
        path = walk(scenario(), scenario(traffic={"requests_per_s": 6.0}, num_spare_replicas=1), price)
        assert [step.alone.usd_per_month for step in path.steps] == [600.0, 400.0]

    def test_another_order_lays_more_at_the_door_of_another(self):
        after = scenario(traffic={"requests_per_s": 6.0}, num_spare_replicas=1)
        path = walk(scenario(), after, price, first=["num_spare_replicas"])
        assert [step.keys for step in path.steps] == [("num_spare_replicas",), ("traffic.requests_per_s",)]
        assert usd(path) == [200.0, 400.0, 1200.0]

    def test_what_cannot_move_alone_moves_with_the_next(self):
        after = scenario(traffic={"requests_per_s": None, "users": 50, "think_time_s": 9.0})
        (step,) = walk(scenario(), after, price).steps
        assert step.keys == ("traffic.requests_per_s", "traffic.users", "traffic.think_time_s")
        assert step.before == "2, not given, not given"
        assert step.outcome.usd_per_month == 500.0

    def test_a_preset_and_a_trace_change_places(self):
        after = scenario(traffic={"preset": None, "trace": "x.csv"})
        (step,) = walk(scenario(), after, price).steps
        assert set(step.keys) == {"traffic.preset", "traffic.trace"}

    def test_what_nobody_can_serve_on_the_way_moves_with_the_next(self):
        def question(one):
            if one.models == ("b",) and one.gpus == ("small",):
                raise Infeasible("b does not fit")
            return price(one)

        before = scenario(gpus=["small"])
        path = walk(before, scenario(models=["b"], gpus=["large"]), question)
        assert [step.keys for step in path.steps] == [("models", "gpus")]

    def test_equal_scenarios_have_no_steps(self):
        path = walk(scenario(), scenario(), price)
        assert path.steps == ()
        assert path.end == path.start

    def test_a_block_at_its_defaults_is_no_change(self):
        assert changed_keys(inputs_of(scenario()), inputs_of(scenario(simulation={}))) == ()
        changed = changed_keys(inputs_of(scenario()), inputs_of(scenario(simulation={"num_replicas": 2})))
        assert changed == ("simulation.num_replicas",)

    def test_an_end_that_cannot_be_asked_raises(self):
        def question(one):
            if one.slo:
                raise Infeasible("no")
            return price(one)

        with pytest.raises(Infeasible):
            walk(scenario(), scenario(slo="ttft_p95=1s"), question)

    def test_an_input_that_did_not_change_cannot_come_first(self):
        with pytest.raises(UnknownName, match=r"unknown changed input: 'gpus'.*nearest: slo"):
            in_order(("slo",), ["gpus"])

    def test_a_mixture_of_rivals_is_refused(self):
        start, end = (
            inputs_of(scenario()),
            inputs_of(scenario(traffic={"preset": None, "input_tokens": 9, "output_tokens": 9})),
        )
        with pytest.raises(InputError, match="keep one"):
            switched(start, end, ["traffic.input_tokens", "traffic.output_tokens"])


def stated(**keys):
    return Subject(name="file", kind="quote", **keys)


class TestCompare:
    def test_between_scenarios_nothing_is_left_over(self, today):
        after = scenario(traffic={"requests_per_s": 6.0}, num_spare_replicas=1)
        diff = compare(asked(scenario()), asked(after), price, today=today)
        assert diff.changes()["usd_per_month"] == 1000.0
        assert [rise["usd_per_month"] for rise in diff.steps()] == [400.0, 600.0]
        assert diff.residuals()["usd_per_month"] == 0.0
        assert diff.interactions()["usd_per_month"] == 1000.0 - 400.0 - 200.0

    def test_what_no_input_explains_is_the_residual(self, today):
        before = stated(scenario=scenario(), outcome=Outcome(option="a", usd_per_month=200.0))
        after = stated(scenario=scenario(slo="ttft_p95=1s"), outcome=Outcome(option="a", usd_per_month=307.0))
        diff = compare(before, after, price, today=today)
        assert diff.changes()["usd_per_month"] == 107.0
        assert diff.residuals()["usd_per_month"] == 100.0

    def test_other_facts_are_noted(self, today):
        one, two = ({"tokonomics_version": version} for version in ("1", "2"))
        before = stated(scenario=scenario(), outcome=price(scenario()), facts=one)
        after = stated(scenario=scenario(), outcome=price(scenario()), facts=two)
        assert compare(before, after, price, today=today).notes == ("tokonomics_version differs: 1 and 2",)

    def test_a_document_without_scenario_is_compared_as_it_stands(self, today):
        before = stated(outcome=Outcome(option="a", usd_per_month=1.0), unasked="it carries no scenario")
        after = stated(outcome=Outcome(option="a", usd_per_month=3.0), unasked="it carries no scenario")
        diff = compare(before, after, price, today=today)
        assert diff.path is None
        assert diff.changes()["usd_per_month"] == 2.0
        assert "it carries no scenario" in diff.notes[0]
        assert diff.residuals()["usd_per_month"] is None

    def test_unknown_figures_stay_unknown(self):
        found = changes(Outcome(option="a", usd_per_month=1.0), Outcome(option="b", ttft_p95_s=1.0))
        assert set(found.values()) == {None}

    def test_unlike_kinds_are_refused(self, today):
        plan = Subject(name="p", kind="plan", outcome=Outcome(option="a"))
        with pytest.raises(InputError, match="a quote cannot be compared with a plan"):
            compare(stated(outcome=Outcome(option="a")), plan, price, today=today)
        with pytest.raises(InputError, match="a comparison cannot be compared"):
            compare(Subject(name="d", kind="diff", outcome=Outcome(option="a")), plan, price, today=today)

    def test_attribution_can_be_left_out(self, today):
        diff = compare(asked(scenario()), asked(scenario(slo="ttft_p95=1s")), price, today=today, is_attributed=False)
        assert diff.path is None
        assert diff.notes == ()


class TestAtLoad:
    @pytest.mark.parametrize(
        ("traffic", "key", "value"),
        [
            ({"preset": "chat", "requests_per_s": 2.0}, "requests_per_s", 6.0),
            ({"preset": "chat", "users": 7, "think_time_s": 3.0}, "users", 21),
            ({"preset": "chat", "tokens_per_month": 1e9}, "tokens_per_month", 3e9),
        ],
    )
    def test_the_load_grows_in_its_own_terms(self, traffic, key, value):
        one = Scenario.from_dict({"models": ["a"], "traffic": traffic})
        assert getattr(at_load(one, 3.0).traffic, key) == value

    def test_a_trace_grows_from_its_own_rate(self, tmp_path):
        trace = tmp_path / "t.csv"
        trace.write_text("arrival_s,input_tokens,output_tokens\n" + "".join(f"{i},100,10\n" for i in range(11)))
        one = Scenario.from_dict({"models": ["a"], "traffic": {"trace": str(trace)}})
        once, thrice = (at_load(one, ratio).traffic.requests_per_s for ratio in (1.0, 3.0))
        assert thrice == pytest.approx(3.0 * once)
        assert once == pytest.approx(1.0, rel=0.1)

    @pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf"), 1e7])
    def test_no_load_out_of_bounds(self, ratio):
        with pytest.raises(InputError, match="scale="):
            at_load(scenario(), ratio)


def asked(one):
    return Subject(name="s.yaml", kind="scenario", scenario=one)


@pytest.fixture
def today():
    from datetime import date

    return date(2026, 11, 23)
