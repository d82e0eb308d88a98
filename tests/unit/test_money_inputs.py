"""Inputs with their sources, prices of the catalogue as inputs, explanations as tables, and the flags that carry them."""

from dataclasses import replace
from datetime import date

import click
import pytest
from click.testing import CliRunner

from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.offer import Offer
from tokonomics.cli.money_options import key_values, number_options
from tokonomics.economics.figures.explanation import Explanation, Term, short_number, unit_of
from tokonomics.economics.figures.inputs import (
    assumed_term,
    input_sentences,
    resolve_inputs,
    stated_problems,
    stated_term,
    values_of,
)
from tokonomics.economics.hardware.list_prices import cheapest_hour, token_price
from tokonomics.errors import InputError, MissingFact, UnknownName
from tokonomics.report.explained import explained_table, inputs_dict

TODAY = date(2026, 11, 23)


def offer(num_gpus, usd, *, instance="box", status="listed", spot=None) -> Offer:
    return Offer(
        provider=f"p{num_gpus}", instance=instance, accelerator_id="h100-sxm", num_gpus=num_gpus, region="",
        on_demand_usd_per_hour=usd, spot_usd_per_hour=spot, reserved_1yr_usd_per_hour=None, as_of="2026-11-01",
        source="test", status=status,
    )  # fmt: skip


def catalog_with(*offers):
    return replace(load_catalog(with_genai_prices=False), offers=offers)


class TestInputs:
    def test_what_is_stated_stands_over_the_table(self):
        terms = resolve_inputs("on_prem", {"horizon_years": 5.0}, ["horizon_years", "device_watts"])
        assert terms["horizon_years"].source == "as stated"
        assert terms["device_watts"].source == "article s2, 2025-Q1"
        assert values_of(terms) == {"horizon_years": 5.0, "device_watts": 700.0}

    def test_a_stated_zero_is_no_default(self):
        assert values_of(resolve_inputs("reference", {"ops_usd_per_month": 0.0}, ["ops_usd_per_month"])) == {
            "ops_usd_per_month": 0.0
        }

    def test_all_violations_are_found_at_once(self):
        stated = {
            "input_frac": 1.5,
            "rate_tokens_per_s": 0.0,
            "ops_usd_per_month": -1.0,
            "x_usd": float("nan"),
            "y": None,
        }
        problems = stated_problems(stated, positive=["rate_tokens_per_s"])
        assert len(problems) == 4
        with pytest.raises(InputError) as caught:
            resolve_inputs("reference", stated, [])
        assert len(caught.value.violations) == 3  # 0 tokens/s is only wrong where a rate must be above 0

    def test_sentences_name_sources_and_leave_out_what_was_stated(self):
        inputs = {
            "a_usd": stated_term("a_usd", 1.0),
            "num_x": Term("num_x", 3, "", "assumed", "somewhere"),
            "electricity_usd_per_kwh": assumed_term("on_prem", "electricity_usd_per_kwh"),
        }
        assert list(input_sentences(inputs)) == ["article s2, 2025-Q1 (assumed): electricity_usd_per_kwh=0.1"]

    @pytest.mark.parametrize(
        ("name", "unit"),
        [
            ("ops_usd_per_month", "USD a month"),
            ("engineer_usd_per_hour", "USD/h"),
            ("steady_tokens_per_day", "tokens a day"),
            ("days_per_month", "days a month"),
            ("peak_hours", "hours"),
            ("purchase_usd", "USD"),
            ("num_gpus", ""),
        ],
    )
    def test_names_tell_their_unit(self, name, unit):
        assert unit_of(name) == unit

    @pytest.mark.parametrize(
        ("value", "text"), [(0, "0"), (1e9, "1,000,000,000"), (2.49, "2.49"), (1 / 3, "0.333333"), ("x", "x")]
    )
    def test_short_numbers(self, value, text):
        assert short_number(value) == text


class TestHours:
    def test_the_first_box_that_holds_a_replica_for_the_least_money(self):
        catalog = catalog_with(offer(1, 3.0), offer(8, 16.0), offer(4, 10.0))
        one, two = (cheapest_hour(catalog, "h100-sxm", num_gpus=count) for count in (1, 2))
        assert (one.step_usd_per_hour, one.replicas_per_step) == (3.0, 1)
        assert (two.step_usd_per_hour, two.replicas_per_step, two.box_gpus) == (10.0, 2, 4)
        assert two.gpu_usd_per_hour == 2.5

    def test_a_replica_never_spans_boxes(self):
        with pytest.raises(MissingFact, match="2 x h100-sxm"):
            cheapest_hour(catalog_with(offer(1, 3.0)), "h100-sxm", num_gpus=2)

    def test_a_price_per_accelerator_is_a_box_of_any_size(self):
        price = cheapest_hour(catalog_with(offer(1, 3.0, instance="per GPU")), "h100-sxm", num_gpus=4)
        assert (price.step_usd_per_hour, price.box_gpus, price.replicas_per_step) == (12.0, 4, 1)

    def test_only_offers_in_good_standing_unless_the_seller_is_named(self):
        catalog = catalog_with(offer(1, 1.0, status="suspect"), offer(2, 8.0))
        assert cheapest_hour(catalog, "h100-sxm").gpu_usd_per_hour == 4.0
        assert cheapest_hour(catalog, "h100-sxm", providers=["p1"]).gpu_usd_per_hour == 1.0

    def test_the_term_says_who_sells_what_since_when(self):
        term = cheapest_hour(catalog_with(offer(1, 3.0)), "h100-sxm").term
        assert (term.name, term.value, term.status) == ("gpu_usd_per_hour", 3.0, "list")
        assert "p1" in term.source
        assert "2026-11-01" in term.source

    def test_unknown_names(self):
        with pytest.raises(UnknownName, match="h100-sxm"):
            cheapest_hour(catalog_with(offer(1, 3.0)), "h100sxm")
        with pytest.raises(InputError, match="known: p1"):
            cheapest_hour(catalog_with(offer(1, 3.0)), "h100-sxm", providers=["acme"])
        with pytest.raises(MissingFact, match="no spot price"):
            cheapest_hour(catalog_with(offer(1, 3.0)), "h100-sxm", purchase="spot")


class TestTokens:
    def test_a_listed_price_with_its_terms(self):
        price = token_price(load_catalog(), "openai/gpt-4o", today=TODAY)
        assert (price.input_usd_per_mtok, price.output_usd_per_mtok, price.cached_usd_per_mtok) == (2.5, 10.0, 1.25)
        terms = price.terms()
        assert set(terms) == {"api_input_usd_per_mtok", "api_output_usd_per_mtok"}
        assert all("as of 2026-11" in term.source for term in terms.values())

    def test_a_missing_price_is_no_zero(self):
        catalog = load_catalog()
        silent = [one for one in catalog.api_prices if one.output_usd_per_mtok is None]
        for price in silent[:3]:
            with pytest.raises(MissingFact):
                token_price(catalog, price.name, today=TODAY)


class TestExplained:
    ONE = Explanation(
        number="x_usd", option="case", value=12.5, unit="USD", formula="a x b",
        terms=(Term("a", 2, "times", "assumed", "here"), Term("b", 6.25, "USD", "list", "there")),
    )  # fmt: skip

    def test_table_has_a_row_a_term_under_the_formula(self):
        table = explained_table(self.ONE)
        assert table.title == "x_usd of case = 12.50 USD  =  a x b"
        assert [row[0] for row in table.rows] == ["a", "b"]

    def test_documents(self):
        assert self.ONE.to_dict()["terms"][1] == {
            "name": "b",
            "value": 6.25,
            "unit": "USD",
            "status": "list",
            "source": "there",
        }
        assert inputs_dict({"a": self.ONE.terms[0]})["a"]["value"] == 2


class TestFlags:
    def test_two_groups_make_one_dict(self):
        @click.command()
        @number_options({"horizon_years": "Years"}, topic="on_prem")
        @number_options({"num_gpus": "Accelerators", "gpu_usd_per_hour": "Price"})
        def command(stated):
            click.echo(sorted(stated.items()))

        result = CliRunner().invoke(command, ["--usd-per-hour", "2", "--num-gpus", "3"])
        assert result.output.strip() == "[('gpu_usd_per_hour', 2.0), ('horizon_years', None), ('num_gpus', 3)]"
        page = CliRunner().invoke(command, ["--help"]).output
        assert "[3; article s2, 2025-Q1]" in " ".join(page.split())

    def test_pairs(self):
        assert key_values(("name=a b, x=1", "name=c"), "--row") == ({"name": "a b", "x": 1.0}, {"name": "c"})

    def test_every_part_that_is_no_pair_is_named(self):
        with pytest.raises(InputError) as caught:
            key_values(("name", "x=1,x=2", "=3"), "--row")
        assert len(caught.value.violations) == 3
