"""`tok frontier` and `tok stack` as a user runs them: answers, echoes, files, and every kind of mistake."""

import json

import pytest

COLUMNS = 140

AWQ = ("llama-3-70b", "h100-sxm", "--precision", "int4-awq", "--usd-per-hour", "2.49")
ARTICLE = (*AWQ, "--ctx", "1536", "--engine", "roofline")


class TestFrontier:
    def test_the_audits_table(self, ask):
        (one,) = ask("frontier", *ARTICLE, "--batch", "1,4,16,32,64,128,256")["deployments"]
        bounds = [round(point["bound_tokens_per_s"]) for point in one["points"]]
        assert bounds == [88, 338, 1172, 1994, 3068]
        assert [gone["batch"] for gone in one["refused"]] == [128, 256]
        assert "64.4 GB" in one["refused"][0]["reason"]
        assert one["max_batch"] == 64

    def test_fp16_on_one_gpu_is_refused(self, run):
        code, out, err = run("frontier", "llama-3-70b", "h100-sxm", "--precision", "fp16", "--num-gpus", "1")
        assert (code, out) == (4, "")
        assert "does not fit" in err
        assert "use at least 2 GPUs" in err

    def test_the_document_echoes_the_question(self, ask):
        answer = ask("frontier", *ARTICLE, "--slo", "itl_p99=50ms", "--concurrency", "80")
        assert {"schema", "kind", "catalog_digest", "today", "question", "deployments", "ridges", "left_out"} <= set(
            answer
        )
        question = answer["question"]
        assert (question["model"], question["gpus"], question["context_tokens"]) == (
            "llama-3-70b",
            ["h100-sxm"],
            1536.0,
        )
        assert question["rent"]["gpu_usd_per_hour"] == 2.49
        assert question["slos"] == ["itl_p99=50ms"]
        (one,) = answer["deployments"]
        assert one["kv_pressure"]["num_waiting"] == 16
        assert one["operating_points"][0]["slo"] == "itl_p99=50ms"

    def test_refused_batches_show_no_numbers(self, run):
        _, out, _ = run("frontier", *ARTICLE)
        row = next(line for line in out.splitlines() if line.lstrip().startswith("128 "))
        assert row.split()[-1] == "refused"
        assert set(row.split()[1:-1]) == {"-"}
        assert "batch 128 refused: KV of 128 x 1,536 tokens" in out

    def test_the_answer_says_where_to_run(self, run):
        _, out, _ = run("frontier", *AWQ)
        for words in (
            "SWEET SPOT",
            "LIMIT",
            "PREMIUM",
            "real-time, p99",
            "real-time, mean",
            "free lunch",
            "sweet spot",
        ):
            assert words in out

    def test_explanations_rebuild_the_numbers(self, ask):
        (one,) = ask("frontier", *AWQ)["deployments"]
        point = one["operating_points"][0]["point"]
        told = {each["number"]: each for each in one["explanations"][:4]}
        gap = told["mean_itl_s"]
        parts = [term["value"] for term in gap["terms"] if not term["name"].endswith("10-90 %")]
        assert sum(parts) == pytest.approx(point["mean_itl_s"])
        bound = {term["name"]: term["value"] for term in told["bound_tokens_per_s"]["terms"]}
        floor = max(bound["memory"], bound["arithmetic"], bound["link"])
        assert bound["batch"] / floor == pytest.approx(point["bound_tokens_per_s"])
        cost = {term["name"]: term["value"] for term in told["usd_per_mtok.output"]["terms"]}
        rebuilt = cost["replica"] * (1 - cost["prompt share"]) / (cost["throughput"] * cost["hour"]) * 1e6
        assert rebuilt == pytest.approx(point["cost"]["output_usd_per_mtok"])

    def test_explain_shows_formula_and_source(self, run):
        _, out, _ = run("frontier", *AWQ, "--explain")
        assert "batch / max(memory, arithmetic, link)" in out
        assert "as stated" in out
        assert "docs/model-cards/step-time.md" in out

    def test_several_deployments_share_one_frontier(self, ask, run):
        parts = ("frontier", "llama-3.3-70b", "h100-sxm", "h200-sxm", "--precision", "fp8,int4-awq")
        answer = ask(*parts)
        assert len(answer["deployments"]) == 4
        flags = [point["is_dominated"] for one in answer["deployments"] for point in one["points"]]
        assert any(flags)
        assert not all(flags)
        _, out, _ = run(*parts)
        assert "USD per M tokens, blended" in out
        assert "best" in out

    def test_what_does_not_fit_is_left_out_of_several(self, ask, run):
        answer = ask("frontier", "llama-3-70b", "h100-sxm", "--num-gpus", "1", "--precision", "bf16,int4-awq")
        assert [one["precision"] for one in answer["deployments"]] == ["int4-awq"]
        assert "bf16 does not fit" in answer["left_out"][0]

    def test_the_cheapest_listed_offer_is_the_default_price(self, ask):
        (one,) = ask("frontier", "llama-3.1-8b", "h100-sxm")["deployments"]
        price = one["price"]
        assert price["gpu"]["status"] == "list"
        assert price["replica_usd_per_hour"] > 0.5
        assert "on-demand" in price["gpu"]["source"]

    def test_a_part_without_a_price_is_unpriced(self, ask, run):
        bare = ("frontier", "llama-3.1-8b", "h20")
        (one,) = ask(*bare)["deployments"]
        assert one["price"]["replica_usd_per_hour"] is None
        assert "give --usd-per-hour" in one["price"]["reason"]
        assert all(point["cost"] is None for point in one["points"])
        _, out, _ = run(*bare)
        assert "unpriced" in out

    def test_a_figure_that_can_be_is_placed(self, ask, run):
        answer = ask("frontier", *AWQ, "--ctx", "1536", "--check", "tok_s=480,batch=16,ms=33")
        assert answer["checked"]["bound_frac"] == pytest.approx(480 / 1172, abs=0.001)
        _, out, _ = run("frontier", *AWQ, "--ctx", "1536", "--check", "tok_s=480,batch=16,ms=33")
        assert "CHECKED     480.0 tok/s is 41 % of the roofline" in out

    @pytest.mark.parametrize(
        ("check", "code", "words"),
        [
            ("tok_s=95,batch=1", 2, "limit=88.94 tok/s"),
            ("tok_s=1850,batch=32,ms=34.6", 2, "is batch 64, not batch=32"),
            ("tok_s=2100,batch=128,ms=61,ctx=1536", 4, "KV=64.4 GB a GPU"),
            ("batch=3", 2, "nothing to check"),
            ("tok_s=fast", 2, "is no number"),
            ("speed=95", 2, "known: tok_s, batch, ms, ctx"),
            ("tok_s", 2, "KEY=VALUE"),
        ],
    )
    def test_a_figure_that_cannot_be_is_refused(self, run, check, code, words):
        got, out, err = run("frontier", *AWQ, "--check", check)
        assert (got, out) == (code, "")
        assert words in err

    def test_34_tokens_per_s_in_fp16_is_refused_twice(self, run):
        code, _, err = run(
            "frontier",
            "llama-3-70b",
            "h100-sxm",
            "--precision",
            "fp16",
            "--num-gpus",
            "1",
            "--check",
            "tok_s=34,batch=1",
        )
        assert code == 4
        assert "does not fit" in err
        assert "limit=24.1 tok/s" in err

    def test_one_fleet_or_two(self, ask, run):
        demand = ("frontier", *AWQ, "--slo", "itl_p99=30ms", "--demand", "interactive=500,batch=20000")
        (one,) = ask(*demand)["deployments"]
        assert not one["shared_fleet"]["is_shared_better"]
        assert "two fleets cost less" in run(*demand)[1]

    def test_decode_alone_has_no_ttft(self, run):
        code, _, err = run("frontier", *AWQ, "--ctx", "1024", "--slo", "ttft_p95=1s")
        assert code == 2
        assert "ttft needs prompts" in err

    @pytest.mark.parametrize(
        ("args", "code", "words"),
        [
            (("llama-3-70b", "h10"), 2, "nearest: h100-sxm"),
            (("llama-3-70", "h100-sxm"), 2, "nearest: llama-3-70b"),
            ((*AWQ, "--slo", "itl=50ms"), 2, "names no percentile"),
            ((*AWQ, "--ctx", "1024", "--in", "5", "--out", "5"), 2, "--ctx contradicts --in"),
            ((*AWQ, "--in", "5"), 2, "--in and --out go together"),
            ((*AWQ, "--ctx", "nan"), 2, "context_tokens=nan"),
            ((*AWQ, "--ctx", "-4"), 2, "context_tokens=-4"),
            ((*AWQ, "--percentile", "100"), 2, "percentile=100"),
            ((*AWQ, "--batch", "0,x"), 2, "--batch '0'"),
            ((*AWQ, "--batch", "99999999"), 2, "must lie between 1 and"),
            (("llama-3-70b", "h100-sxm", "--usd-per-hour", "-1"), 2, "usd_per_hour=-1"),
            ((*AWQ, "--engine", "magic"), 2, "unknown engine"),
            ((*AWQ, "--kv-format", "fp3"), 2, "unknown kv format"),
            ((*AWQ, "--demand", "night=4"), 2, "known: interactive, batch"),
            ((*AWQ, "--chart", "x.gif"), 2, "end it in .svg"),
            ((*AWQ, "--ctx", "1e7"), 4, "does not fit"),
            (("llama-3-70b",), 2, "Missing argument"),
        ],
    )  # fmt: skip
    def test_mistakes_are_told(self, run, args, code, words):
        got, out, err = run("frontier", *args)
        assert (got, out) == (code, "")
        assert words in err
        assert "Traceback" not in err

    @pytest.mark.parametrize("width", [60, 80, 100, 140])
    def test_no_line_is_wider_than_the_terminal(self, run, monkeypatch, width):
        monkeypatch.setenv("COLUMNS", str(width))
        for args in ((*AWQ,), ("llama-3.3-70b", "h100-sxm", "h200-sxm", "--precision", "fp8", "--explain")):
            _, out, _ = run("frontier", *args)
            assert not [line for line in out.splitlines() if len(line) > width]

    def test_csv_holds_raw_values_and_empty_cells(self, run):
        _, out, _ = run("frontier", *ARTICLE, "-f", "csv")
        head, *rows = out.splitlines()
        columns = (
            "batch,output_tokens_per_s,output_tokens_per_s_range,bound_tokens_per_s,bound_frac,mean_itl_ms,tail_itl_ms"
        )
        assert head.startswith(columns)
        assert rows[-1].startswith("256,,,,,")

    def test_a_specification_is_written_without_a_drawer(self, run, tmp_path):
        file = tmp_path / "f.json"
        code, _, err = run("frontier", *AWQ, "--chart", str(file))
        assert code == 0, err
        assert f"wrote {file}" in err
        assert json.loads(file.read_text())["title"].startswith("llama-3-70b")

    def test_a_drawing_is_written(self, run, tmp_path):
        pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
        for suffix, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
            file = tmp_path / f"f.{suffix}"
            assert run("frontier", *AWQ, "--chart", str(file))[0] == 0
            assert file.read_bytes().startswith(start)

    def test_a_folder_that_is_not_there_is_told(self, run, tmp_path):
        code, out, err = run("frontier", *AWQ, "--chart", str(tmp_path / "no" / "f.json"))
        assert (code, out) == (2, "")
        assert "choose another --chart" in err


class TestStack:
    ONE = ("llama-3-70b", "h100-sxm", "--usd-per-hour", "2.49")

    def test_the_waterfall(self, ask):
        answer = ask("stack", *self.ONE)
        assert {"schema", "kind", "question", "steps", "levers", "cross_test", "assumptions", "explanation"} <= set(
            answer
        )
        steps = {one["name"]: one for one in answer["steps"]}
        assert steps["bf16 weights, batch 1, naive"]["status"] == "infeasible"
        assert steps["bf16 weights, batch 1, naive"]["outcome"] is None
        assert steps["continuous batching, 64"]["status"] == "infeasible"
        kept = [one for one in answer["steps"] if one["status"] == "kept"]
        assert answer["total_factor"] == pytest.approx(kept[-1]["cumulative_factor"])
        assert answer["largest_lever"] == "batching"
        assert answer["cross_test"]["cheaper"] == "bf16 at batch 64"
        assert answer["cross_test"]["first"]["num_gpus"] == 4

    def test_every_assumption_has_a_dated_source(self, ask):
        for term in ask("stack", *self.ONE)["assumptions"].values():
            assert term["source"]
            assert term["status"] in ("measured", "list", "assumed")

    def test_the_explanation_multiplies_up(self, ask):
        told = ask("stack", *self.ONE)["explanation"]
        product = 1.0
        for term in told["terms"]:
            product *= term["value"] if term["source"] == "docs/model-cards/stack.md" else 1.0
        assert product == pytest.approx(told["value"])

    def test_people_see_what_does_not_fit_and_why(self, run):
        _, out, _ = run("stack", *self.ONE)
        for words in (
            "does not fit",
            "TOGETHER",
            "LARGEST   batching",
            "CROSS",
            "in one piece 38 %",
            "What each step did",
        ):
            assert words in out

    def test_explain_lists_the_assumptions(self, run):
        _, out, _ = run("stack", *self.ONE, "--explain")
        assert "contiguous_kv_used_frac" in out
        assert "arXiv:2309.06180" in out

    def test_assumptions_can_be_replaced(self, ask):
        usual, own = (
            ask("stack", *self.ONE, *more) for more in ((), ("--assume", "cached_input_frac=0.9,acceptance_frac=0"))
        )
        assert own["question"]["stated"] == {"cached_input_frac": 0.9, "acceptance_frac": 0.0}
        assert own["assumptions"]["cached_input_frac"]["source"] == "as stated"
        rows = {one["lever"]: one for one in own["steps"]}
        assert rows["speculation"]["status"] == "aside"
        factor = {one["lever"]: one["step_factor"] for one in usual["steps"]}["prefix cache"]
        assert rows["prefix cache"]["step_factor"] > factor

    def test_more_gpus_give_a_baseline(self, ask):
        answer = ask("stack", *self.ONE, "--num-gpus", "4")
        assert answer["steps"][0]["status"] == "kept"
        assert answer["price"]["replica_usd_per_hour"] == pytest.approx(4 * 2.49)

    def test_an_slo_bounds_the_batches(self, ask):
        free, bound = (ask("stack", "llama-3.1-8b", "h100-sxm", *more) for more in ((), ("--slo", "itl_p99=15ms")))
        last = [one["steps"][-1]["outcome"]["batch"] for one in (free, bound)]
        assert last[1] < last[0]

    def test_nothing_fits_is_said_and_is_no_error(self, run):
        code, out, _ = run("stack", "llama-3-70b", "rtx4090", "--num-gpus", "1")
        assert code == 0
        assert "NOTHING FITS" in out

    @pytest.mark.parametrize(
        ("args", "code", "words"),
        [
            (("llama-3-70b", "h10"), 2, "nearest: h100-sxm"),
            (("llama-3-70b", "h100-sxm", "--precision", "int3"), 2, "unknown precision"),
            (("llama-3-70b", "h100-sxm", "--assume", "magic=2"), 2, "unknown assumption 'magic'"),
            (("llama-3-70b", "h100-sxm", "--assume", "acceptance_frac=7"), 2, "must lie between 0 and 1"),
            (("llama-3-70b", "h100-sxm", "--assume", "acceptance_frac"), 2, "KEY=VALUE"),
            (("llama-3-70b", "h100-sxm", "--slo", "ttft_p95=1s"), 2, "judged by itl only"),
            (("llama-3-70b", "h100-sxm", "--slo", "itl=1s"), 2, "names no percentile"),
            (("llama-3-70b", "h100-sxm", "--in", "0"), 2, "input_tokens=0"),
            (("llama-3-70b", "h100-sxm", "--percentile", "0"), 2, "percentile=0"),
            (("deepseek-v3", "rtx4090"), 4, "does not fit"),
        ],
    )  # fmt: skip
    def test_mistakes_are_told(self, run, args, code, words):
        got, out, err = run("stack", *args)
        assert (got, out) == (code, "")
        assert words in err
        assert "Traceback" not in err

    @pytest.mark.parametrize("width", [60, 80, 100, 140])
    def test_no_line_is_wider_than_the_terminal(self, run, monkeypatch, width):
        monkeypatch.setenv("COLUMNS", str(width))
        _, out, _ = run("stack", *self.ONE, "--explain")
        assert not [line for line in out.splitlines() if len(line) > width]

    def test_a_specification_is_written(self, run, tmp_path):
        file = tmp_path / "s.json"
        assert run("stack", *self.ONE, "--chart", str(file))[0] == 0
        rows = json.loads(file.read_text())["data"]["values"]
        assert rows[0]["text"] == "does not fit"
