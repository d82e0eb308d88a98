"""`tok onprem` as a user runs it: the article's H100 set right, catalogue prices, rents beside it, and mistakes."""

import pytest

COMMAND = ("onprem",)


def test_the_articles_h100_set_right(ask):
    cost = ask()["cost"]
    assert cost["electricity_usd"] == pytest.approx(1839.6)
    assert cost["total_usd"] == pytest.approx(36839.6)
    assert cost["effective_usd_per_hour"] == pytest.approx(1.5576, abs=1e-4)
    assert cost["used_hours"] == pytest.approx(23652)


def test_the_articles_electricity_is_that_of_ten(ask):
    assert ask("--device-watts", "7000")["cost"]["effective_usd_per_hour"] == pytest.approx(2.26, abs=0.005)


def test_building_and_interest(ask):
    answer = ask("--pue-factor", "1.3", "--capital-cost-frac", "0.1")
    assert answer["cost"]["effective_usd_per_hour"] == pytest.approx(1.79, abs=0.005)


def test_it_undercuts_every_rent_of_the_articles_table(ask):
    rents = ask("--gpu", "h100-sxm", "--snapshot", "2025-03-31")["rents"]
    assert min(rent["over_own_ratio"] for rent in rents) > 1
    assert {rent["purchase"] for rent in rents} == {"on_demand", "spot", "reserved_1yr"}
    spot = next(rent for rent in rents if rent["name"] == "gcp" and rent["purchase"] == "spot")
    assert spot["rent_usd_per_hour"] == pytest.approx(4.25)


def test_reservations_save_what_their_rows_say(ask):
    saved = {
        one["provider"]: one["saving_frac"]
        for one in ask("--gpu", "h100-sxm", "--snapshot", "2025-03-31")["reservations"]
    }
    assert saved == pytest.approx({"aws": 0.3135, "gcp": 0.2998, "coreweave": 0.1973}, abs=1e-3)


def test_the_break_even_utilisation_equals_both_hours(ask):
    for rent in ask("--gpu", "h100-sxm")["rents"]:
        share = rent["worthwhile_utilisation_frac"]
        if share is None:
            assert (
                rent["rent_usd_per_hour"]
                < ask("--utilisation-frac", "1", "--gpu", "h100-sxm")["cost"]["effective_usd_per_hour"]
            )
            continue
        at = ask("--gpu", "h100-sxm", "--utilisation-frac", str(share))["cost"]["effective_usd_per_hour"]
        assert at == pytest.approx(rent["rent_usd_per_hour"])
        break


def test_the_curve_falls_with_use(ask):
    curve = [point["effective_usd_per_hour"] for point in ask()["curve"]]
    assert curve == sorted(curve, reverse=True)


def test_parts_add_up_to_the_total(ask):
    flags = (
        "--resale-frac",
        "0.2",
        "--host-usd",
        "8000",
        "--staff-usd-per-year",
        "2000",
        "--capital-cost-frac",
        "0.08",
    )
    cost = ask(*flags)["cost"]
    parts = sum(cost[name] for name in ("upfront_usd", "capital_usd", "electricity_usd", "hosting_usd", "staff_usd"))
    assert parts - cost["resale_usd"] == pytest.approx(cost["total_usd"])


def test_inputs_name_their_source(ask):
    inputs = ask("--gpu", "h200-sxm", "--horizon-years", "5")["inputs"]
    assert inputs["purchase_usd"]["status"] == "list"
    assert inputs["horizon_years"]["source"] == "as stated"
    assert inputs["staff_usd_per_year"]["source"] == "not counted"
    assert "2025-Q1" in inputs["electricity_usd_per_kwh"]["source"]


def test_page_says_what_is_not_counted_and_what_is_at_risk(run):
    code, out, _ = run("--explain")
    assert code == 0
    for words in (
        "not counted: staff_usd_per_year",
        "successor",
        "before the first token",
        "effective_usd_per_hour of",
    ):
        assert words in " ".join(out.split())


def test_the_owned_row_stands_in_its_place(run):
    rows = run("--gpu", "h100-sxm", "-f", "csv", "-q")[1].splitlines()
    prices = [float(row.split(",")[2]) for row in rows[1:]]
    assert prices == sorted(prices)
    assert sum(row.startswith("owned,") for row in rows) == 1


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (
            ("--utilisation-frac", "0", "--purchase-usd", "-1", "--resale-frac", "2"),
            2,
            ["utilisation_frac=0", "purchase_usd=-1", "resale_frac=2"],
        ),
        (("--pue-factor", "0.5"), 2, ["pue_factor=0.5", "1 or more"]),
        (("--device-watts", "inf"), 2, ["finite"]),
        (("--gpu", "h10"), 2, ["h100-sxm"]),
        (("--gpu", "h100-nvl"), 5, ["--purchase-usd", "--device-watts"]),
    ],
)
def test_mistakes_get_a_sentence_and_the_right_code(run, args, code, words):
    found, out, err = run(*args)
    assert found == code, err
    assert out == ""
    for word in words:
        assert word in err
