"""`tok diff`, `tok check`, `tok comment` and `tok fit --sequences` as a user, or a workflow, runs them."""

import json

import pytest

from tokonomics.catalog.web_send import WebAnswer

COLUMNS = 120
BASE = """
models: [llama-3.3-70b]
traffic: {preset: chat, requests_per_s: 3}
slo: ttft_p95=1s,itl_p95=50ms
gpus: [h100-sxm, h200-sxm]
"""
CHANGED = """
models: [llama-3.3-70b]
traffic: {preset: rag, requests_per_s: 5}
slo: ttft_p95=2s,itl_p95=30ms
gpus: [h100-sxm, h200-sxm]
num_spare_replicas: 1
"""


@pytest.fixture
def run(run, monkeypatch, tmp_path):
    for name in ("GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_TOKEN", "GH_TOKEN", "GITHUB_API_URL", "GITHUB_GRAPHQL_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "new.yaml").write_text(CHANGED)
    return run


@pytest.fixture
def results(run):
    """The two scenarios as results, and their comparison."""
    for name in ("base", "new"):
        assert run("quote", "-s", f"{name}.yaml", "-o", f"{name}.json")[0] == 0
    assert run("diff", "base.json", "new.json", "-o", "diff.json")[0] == 0


class TestDiff:
    def test_the_figures_are_those_of_the_quotes_and_the_steps_add_up(self, ask):
        found = ask("diff", "base.yaml", "new.yaml", "--of", "self_host")
        for side, file in (("before", "base.yaml"), ("after", "new.yaml")):
            best = next(one for one in ask("quote", "-s", file)["options"] if one["kind"] == "self_host")
            assert found[side]["option"] == best["name"]
            assert found[side]["figures"]["usd_per_month"] == best["usd_per_month"]
            assert found[side]["figures"]["ttft_p95_s"] == best["ttft_p95_s"]
        path = found["attribution"]
        assert path["order"] == ["traffic.requests_per_s", "traffic.preset", "slo", "num_spare_replicas"]
        for name in ("usd_per_month", "itl_p95_s"):
            total = sum(step["changes"][name] for step in path["steps"])
            assert total == pytest.approx(found["changes"][name])
            assert path["residuals"][name] == 0.0

    def test_each_step_is_what_asking_it_gives(self, ask):
        found = ask("diff", "base.yaml", "new.yaml", "--of", "self_host")
        first = found["attribution"]["steps"][0]
        asked = ask("quote", "-s", "base.yaml", "--rps", "5")
        best = next(one for one in asked["options"] if one["kind"] == "self_host")
        assert first["figures"]["usd_per_month"] == best["usd_per_month"]

    def test_results_say_the_same_as_their_scenarios(self, ask, results):
        by_file, by_result = ask("diff", "base.yaml", "new.yaml"), ask("diff", "base.json", "new.json")
        assert by_file["changes"] == by_result["changes"]
        assert by_file["attribution"] == by_result["attribution"]

    def test_a_doctored_result_shows_as_residual(self, run, ask, results, tmp_path):
        document = json.loads((tmp_path / "new.json").read_text())
        document["options"][0]["usd_per_month"] += 100.0
        (tmp_path / "new.json").write_text(json.dumps(document))
        assert ask("diff", "base.json", "new.json")["attribution"]["residuals"]["usd_per_month"] == pytest.approx(100.0)

    def test_flags_stand_over_the_first_file(self, run, ask):
        found = ask("diff", "base.yaml", "--rps", "9", "--slo", "")
        assert found["attribution"]["order"] == ["traffic.requests_per_s", "slo"]
        code, out, _ = run("diff", "base.yaml", "--rps", "9")
        assert code == 0
        assert "CAUSE   traffic.requests_per_s" in out

    def test_three_times_the_load(self, ask):
        thrice, stated = ask("diff", "base.yaml", "--scale", "3"), ask("diff", "base.yaml", "--rps", "9")
        assert thrice["after"]["figures"] == stated["after"]["figures"]

    def test_the_order_can_be_stated(self, run, ask):
        found = ask("diff", "base.yaml", "new.yaml", "--order", "num_spare_replicas,slo")
        assert found["attribution"]["order"][:2] == ["num_spare_replicas", "slo"]
        code, _, err = run("diff", "base.yaml", "new.yaml", "--order", "gpus")
        assert code == 2
        assert "unknown changed input" in err

    def test_nothing_changed(self, run, ask):
        assert ask("diff", "base.yaml", "base.yaml")["is_same"] is True
        assert run("diff", "base.yaml", "base.yaml")[1].startswith("SAME")

    def test_explained_terms_rebuild_the_change(self, ask):
        found = ask("diff", "base.yaml", "new.yaml", "--explain")
        (explained,) = found["explanations"]
        assert explained["value"] == found["changes"]["usd_per_month"]
        assert sum(term["value"] for term in explained["terms"]) == pytest.approx(explained["value"])

    def test_simulations_are_compared_by_replay(self, ask, tmp_path):
        fleet = "models: [llama-3.1-8b]\ntraffic: {preset: chat, requests_per_s: 4}\ngpus: [l40s]\nnum_gpus: [1]\n"
        (tmp_path / "a.yaml").write_text(f"{fleet}simulation: {{num_replicas: 2, span_s: 120}}\n")
        (tmp_path / "b.yaml").write_text(f"{fleet}simulation: {{num_replicas: 3, span_s: 120}}\n")
        found = ask("diff", "a.yaml", "b.yaml", "--by", "simulation")
        assert found["attribution"]["order"] == ["simulation.num_replicas"]
        assert found["after"]["figures"]["usd_per_month"] == pytest.approx(
            1.5 * found["before"]["figures"]["usd_per_month"], rel=0.05
        )
        for name in ("a", "b"):
            ask("simulate", f"{name}.yaml")
        assert found["after"]["figures"]["ttft_p95_s"] <= found["before"]["figures"]["ttft_p95_s"]

    @pytest.mark.parametrize(
        ("args", "code", "sentence"),
        [
            (("base.yaml",), 2, "nothing to compare with"),
            (("none.yaml", "base.yaml"), 2, "cannot read none.yaml"),
            (("base.yaml", "--gpu", "h300"), 2, "unknown gpu"),
            (("base.yaml", "new.yaml", "-s", "new.yaml"), 2, "contradicts --scenario"),
            (("base.yaml", "--scale", "0"), 2, "scale=0"),
            (("base.yaml", "--model", "deepseek-v3", "--of", "self_host", "--gpu", "l4"), 4, ""),
        ],
    )
    def test_mistakes_are_sentences(self, run, args, code, sentence):
        found, out, err = run("diff", *args)
        assert (found, out) == (code, "")
        assert sentence in err


class TestCheck:
    def test_all_kept_is_0(self, run, results):
        code, out, err = run(
            "check", "diff.json", "--max-usd-per-month", "1e6", "--max-increase-frac", "9", "--forbid-stale-prices"
        )
        assert (code, err) == (0, "")
        assert out.startswith("KEPT    3 of 3")

    def test_every_broken_limit_is_named_and_3(self, run, results, tmp_path):
        (tmp_path / "limits.yaml").write_text(
            "max_usd_per_month: 1\nmax_increase_frac: 0.1\nmin_slo_probability: 0.5\n"
        )
        code, out, err = run(
            "check", "new.json", "--base", "base.json", "--limits", "limits.yaml", "--max-usd-per-mtok", "1"
        )
        assert code == 3
        assert out.startswith("BROKEN  3 of 4")
        assert len(err.splitlines()) == 3
        for name in ("max_usd_per_month", "max_increase_frac", "min_slo_probability"):
            assert f"tok: {name}: found" in err

    def test_the_document_stands_also_where_a_limit_is_broken(self, run, results):
        code, out, _ = run("check", "new.json", "--max-usd-per-month", "1", "--json")
        document = json.loads(out)
        assert (code, document["passed"]) == (3, False)
        assert (
            document["verdicts"][0]["value"]
            == json.loads(run("diff", "base.json", "new.json", "--json")[1])["after"]["figures"]["usd_per_month"]
        )

    def test_a_scenario_is_asked(self, run, ask):
        best = next(one for one in ask("quote", "-s", "base.yaml")["options"] if one["kind"] == "self_host")
        limit = str(best["slo_probability"])
        assert run("check", "base.yaml", "--of", "self_host", "--min-slo-probability", limit)[0] == 0
        assert run("check", "base.yaml", "--of", "self_host", "--min-slo-probability", "1")[0] == 3

    def test_an_increase_without_base_is_2(self, run, results):
        code, _, err = run("check", "new.json", "--max-increase-usd-per-month", "1")
        assert code == 2
        assert "--base" in err


class Server:
    def __init__(self):
        self.bodies, self.calls = [], []

    def __call__(self, request):
        self.calls.append((request.method, request.url))
        if request.method == "GET":
            rows = [{"id": number, "node_id": "n", "body": body} for number, body in enumerate(self.bodies)]
            return WebAnswer(status=200, body=json.dumps(rows).encode())
        body = json.loads(request.body)["body"]
        if request.method == "POST":
            self.bodies.append(body)
        else:
            self.bodies[int(request.url.rpartition("/")[2])] = body
        return WebAnswer(status=200, body=b"{}")


@pytest.fixture
def server(monkeypatch):
    found = Server()
    monkeypatch.setattr("tokonomics.catalog.web_send.web_send", lambda: found)
    return found


@pytest.fixture
def workflow(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/12/merge")
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")


class TestComment:
    def test_it_prints_and_posts_nothing(self, run, results, server, workflow):
        code, out, err = run("comment", "diff.json")
        assert (code, err, server.calls) == (0, "", [])
        assert out.startswith("<!-- tokonomics:cost -->\n### Cost of this change\n\n**+")
        assert "Which input did it" in out

    def test_a_workflow_posts_once_and_then_updates(self, run, results, server, workflow):
        for _ in range(2):
            code, out, err = run("comment", "diff.json", "--post")
            assert code == 0, err
            assert "ghp_secret" not in out + err
        assert server.calls[:2] == [
            ("GET", "https://api.github.com/repos/owner/name/issues/12/comments?per_page=100&page=1"),
            ("POST", "https://api.github.com/repos/owner/name/issues/12/comments"),
        ]
        assert len(server.calls) == 3  # the second run found the same text
        assert run("comment", "base.json", "--post", "--json")[0] == 0
        assert server.calls[-1] == ("PATCH", "https://api.github.com/repos/owner/name/issues/comments/0")
        assert len(server.bodies) == 1

    def test_new_looks_at_nothing(self, run, results, server, workflow):
        assert run("comment", "diff.json", "--post", "--behaviour", "new")[0] == 0
        assert [method for method, _ in server.calls] == ["POST"]

    def test_nothing_new_adds_nothing(self, run, results, server, workflow):
        run("diff", "base.json", "base.json", "-o", "same.json")
        code, _, err = run("comment", "same.json", "--post", "--skip-unchanged")
        assert (code, server.bodies) == (0, [])
        assert "nothing to do" in err

    def test_a_server_of_one_s_own(self, run, results, server, workflow, monkeypatch):
        monkeypatch.setenv("GITHUB_API_URL", "https://git.example.org/api/v3")
        monkeypatch.setenv("GITHUB_GRAPHQL_URL", "https://git.example.org/api/graphql")
        assert run("comment", "diff.json", "--post")[0] == 0
        assert all(url.startswith("https://git.example.org/api/v3/repos/owner/name") for _, url in server.calls)

    def test_a_broken_limit_stands_first(self, run, results):
        run("check", "diff.json", "--max-usd-per-month", "1", "-o", "check.json")
        out = run("comment", "diff.json", "check.json")[1]
        assert out.index("**BROKEN: 1 of 1 limits**") < out.index("USD a month (")

    def test_into_a_file(self, run, results, tmp_path):
        assert run("comment", "diff.json", "-o", "c.md")[0] == 0
        assert (tmp_path / "c.md").read_text() == run("comment", "diff.json")[1]

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (("diff.json", "--post"), "name --repo and --pull-request"),
            (("diff.json", "--post", "--repo", "a/b", "--pull-request", "1"), "set GITHUB_TOKEN or GH_TOKEN"),
            (("diff.json", "--tag", "a--b"), "tag='a--b'"),
            (("base.yaml",), "no JSON"),
            (("diff.json", "-f", "csv"), "no form as csv"),
        ],
    )
    def test_mistakes_are_sentences(self, run, results, server, args, sentence):
        code, out, err = run("comment", *args)
        assert (code, out, server.calls) == (2, "", [])
        assert sentence in err


class TestSequences:
    def test_which_accelerators_and_how_many(self, ask):
        found = ask("fit", "llama-3.3-70b", "--ctx", "32768", "--sequences", "100", "--precision", "fp8")["fits"]
        assert all(one["num_replicas"] * one["max_batch"] >= 100 for one in found)
        assert all(one["num_gpus_in_all"] == one["num_replicas"] * one["num_gpus"] for one in found)

    def test_how_long_each_may_be(self, run, ask):
        one = ("fit", "llama-3.3-70b", "h200-sxm", "--num-gpus", "2", "--precision", "fp8", "--sequences", "10")
        (found,) = ask(*one)["fits"]
        length = str(found["shared_context_tokens"])
        (held,) = ask(*one, "--ctx", length)["fits"]
        assert (held["max_batch"], held["num_replicas"]) == (10, 1)
        assert "10 sequences" in run(*one)[1]


@pytest.fixture
def plan_files(run, tmp_path, repo_dir):
    """The plan of the examples, and one that expects half as much again."""
    text = (repo_dir / "examples/deploy/plan.yaml").read_text(encoding="utf-8")
    (tmp_path / "plan.yaml").write_text(text)
    usd = next(line for line in text.splitlines() if "expected_usd" in line)
    dearer = usd.partition(":")[0] + f": {float(usd.partition(':')[2]) * 1.5}"
    (tmp_path / "dearer.yaml").write_text(text.replace(usd, dearer, 1))


class TestPlans:
    def test_plans_are_compared_as_they_stand(self, ask, plan_files):
        found = ask("diff", "plan.yaml", "dearer.yaml", "--no-attribution")
        before, after = (found[side]["figures"]["usd_per_month"] for side in ("before", "after"))
        assert after == pytest.approx(1.5 * before)
        assert found["attribution"] is None

    def test_a_plan_is_held_against_limits(self, run, plan_files):
        assert run("check", "dearer.yaml", "--base", "plan.yaml", "--max-increase-frac", "0.6")[0] == 0
        code, _, err = run("check", "dearer.yaml", "--base", "plan.yaml", "--max-increase-frac", "0.4")
        assert code == 3
        assert "max_increase_frac: found 0.5" in err

    @pytest.mark.parametrize("target", ["vllm", "compose", "k8s"])
    def test_a_stored_plan_is_written_down(self, run, plan_files, target):
        code, out, err = run("plan", "plan.yaml", "--deploy", target)
        assert (code, err) == (0, "")
        assert "meta-llama/Llama-3.3-70B-Instruct" in out
        assert "--tensor-parallel-size" in out

    def test_a_plan_of_another_catalogue_is_said_to_be_one(self, run, plan_files, tmp_path):
        text = (tmp_path / "plan.yaml").read_text()
        digest = next(line for line in text.splitlines() if line.startswith("catalogue_digest"))
        (tmp_path / "other.yaml").write_text(text.replace(digest, "catalogue_digest: " + "f" * 64, 1))
        code, out, err = run("plan", "other.yaml", "--deploy", "vllm")
        assert code == 0
        assert "vllm serve" in out
        assert "made with catalogue ffffffffffff" in err
        assert "plan again to compare" in err

    def test_as_a_document(self, ask, plan_files):
        found = ask("plan", "plan.yaml", "--deploy", "vllm")
        assert found["fleets"][0]["arguments"][0] == "meta-llama/Llama-3.3-70B-Instruct"
        assert found["text"].count("vllm serve") == 1

    def test_weights_of_one_s_own(self, run, plan_files):
        _, out, _ = run("plan", "plan.yaml", "--deploy", "vllm", "--weights", "llama-3.3-70b=me/mine")
        assert "vllm serve me/mine" in out
        assert "--quantization" not in out

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (("--weights", "x"), "is not MODEL=NAME"),
            (("--weights", "llama-3.3-70b=--evil"), "weights='--evil'"),
            (("-f", "csv"), "prints on stdout"),
        ],
    )
    def test_mistakes_are_sentences(self, run, plan_files, args, sentence):
        code, out, err = run("plan", "plan.yaml", "--deploy", "vllm", *args)
        assert (code, out) == (2, "")
        assert sentence in err

    def test_scenarios_can_be_planned_for(self, ask, tmp_path):
        text = "models: [llama-3.1-8b]\ntraffic: {preset: chat, requests_per_s: 3}\ngpus: [l40s]\nplan: {engines: [vllm], families: [self_hosted]}\n"
        (tmp_path / "small.yaml").write_text(text)
        found = ask("diff", "small.yaml", "--rps", "30", "--by", "plan", "--no-attribution")
        assert found["after"]["option"] == "self_hosted"
        assert found["changes"]["usd_per_month"] > 0
        assert found["changes"]["num_gpus"] > 0
