"""The shell of `tok`: help, errors, exit codes, output options, and the commands that set things up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import tokonomics
from tokonomics.cli import main as shell
from tokonomics.cli.main import COMMANDS, CommandRow, main
from tokonomics.cli.options import measured_option, scenario_from_flags, scenario_options
from tokonomics.cli.output import OutputOptions, emit, output_options, remark
from tokonomics.errors import Infeasible, InputError, LimitViolated, MissingFact, TokonomicsError, UnknownName
from tokonomics.report.chart import Chart, Series
from tokonomics.report.json import document
from tokonomics.report.view import Column, Table, View
from tokonomics.workload.scenario import Owned, Scenario, TrafficSpec
from tokonomics.workload.scenario_simulation import SimulationSpec

TOK = [sys.executable, "-m", "tokonomics"]
ROW = Table(columns=(Column(title="name"), Column(title="cost", key="cost_usd", style="number")), rows=[("é", 1.5)])
LINE = Chart(title="c", x_label="x", y_label="y", series=[Series(name="s", xs=[1.0, 2.0], ys=[1.0, 2.0])])


def tok(*args: str, **options) -> subprocess.CompletedProcess[str]:
    env = {
        key: value for key, value in os.environ.items() if not key.startswith(("TOKONOMICS_", "COLUMNS", "NO_COLOR"))
    }
    env |= {"PYTHONIOENCODING": "utf-8"} | options.pop("env", {})
    return subprocess.run(
        [*TOK, *args], capture_output=True, text=True, encoding="utf-8", env=env, timeout=60, **options
    )


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Give `tok` a command called `fake` that does what the test says."""

    def install(command: click.Command) -> None:
        module = type(sys)("fake_command")
        module.command = command
        monkeypatch.setitem(sys.modules, "fake_command", module)
        row = CommandRow(section="Answers", name="fake", target="fake_command:command", help="Fake.")
        monkeypatch.setattr(shell.LazyGroup, "rows", (*COMMANDS, row))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TOKONOMICS_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return install


def raising(error: BaseException) -> click.Command:
    @click.command("fake")
    def command() -> None:
        raise error

    return command


@click.command("fake")
@output_options
def writing(output: OutputOptions) -> None:
    remark("a remark", output)
    remark("a detail", output, level=1)
    emit(document("fake", {"cost_usd": 1.5}), View(headline=["Hello."], tables=[ROW, ROW], charts=[LINE]), output)


class TestHelp:
    @pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
    def test_stored_page(self, args):
        done = tok(*args)
        assert done.returncode == 0
        assert done.stderr == ""
        assert done.stdout == (Path(shell.__file__).parent / "help.txt").read_text(encoding="utf-8")

    def test_version(self):
        assert tok("--version").stdout == f"tok {tokonomics.__version__}\n"

    def test_click_says_the_same_version(self, capsys):
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"tok {tokonomics.__version__}\n"

    def test_names_every_command_in_its_section(self, capsys):
        assert main([]) == 0
        page = capsys.readouterr().out
        for row in COMMANDS:
            assert f"  {row.name} " in page.split(f"{row.section}:\n")[1].split("\n\n")[0]

    def test_names_of_commands_are_unique(self):
        assert len({row.name for row in COMMANDS}) == len(COMMANDS)

    @pytest.mark.parametrize("name", ["init", "validate", "completion"])
    def test_commands_of_the_shell_have_their_own(self, capsys, name):
        assert main([name, "--help"]) == 0
        assert f"Usage: tok {name}" in capsys.readouterr().out


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (TokonomicsError("it failed"), 1),
            (InputError("it failed"), 2),
            (LimitViolated("it failed"), 3),
            (Infeasible("it failed"), 4),
            (MissingFact("it failed"), 5),
        ],
    )
    def test_exit_code_is_that_of_the_branch(self, fake, capsys, error, code):
        fake(raising(error))
        assert main(["fake"]) == code
        assert capsys.readouterr() == ("", "tok: it failed\n")

    def test_unknown_name_tells_the_nearest(self, fake, capsys):
        fake(raising(UnknownName("gpu", "h10", ["h100-sxm", "h100-pcie", "a10", "l4"])))
        assert main(["fake"]) == 2
        assert "h100-sxm" in capsys.readouterr().err

    def test_every_violation_is_a_sentence(self, fake, capsys):
        fake(raising(InputError("one is wrong", "two is wrong")))
        assert main(["fake"]) == 2
        assert capsys.readouterr().err == "tok: one is wrong\ntok: two is wrong\n"

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (["qoute"], "tok: unknown command: 'qoute'; nearest: quote"),
            (["--frobnicate"], "--frobnicate"),
            (["validate", "--frobnicate"], "see `tok validate --help`"),
            (["completion"], "see `tok completion --help`"),
            (["completion", "tcsh"], "'tcsh' is not one of"),
            (["init", "--template", "poem"], "'poem' is not one of"),
            (["validate"], "Missing argument 'FILE'; see `tok validate --help`"),
        ],
    )
    def test_wrong_usage_is_one_sentence_and_exit_2(self, capsys, args, sentence):
        assert main(args) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert sentence in captured.err
        assert captured.err.count("\n") == 1

    def test_unexpected_errors_advise(self, fake, capsys):
        fake(raising(ZeroDivisionError("division\nby zero")))
        assert main(["fake"]) == 1
        error = capsys.readouterr().err
        assert error.startswith("tok: unexpected ZeroDivisionError: division by zero; ")
        assert "--traceback" in error
        assert "Traceback" not in error

    def test_traceback_on_request(self, fake, capsys, monkeypatch):
        fake(raising(ZeroDivisionError("division")))
        monkeypatch.setenv("TOKONOMICS_TRACEBACK", "1")
        assert main(["fake"]) == 1
        assert "Traceback (most recent call last)" in capsys.readouterr().err

    def test_traceback_flag(self, fake, capsys, monkeypatch):
        fake(raising(ZeroDivisionError("division")))
        monkeypatch.setenv("TOKONOMICS_TRACEBACK", "")
        assert main(["--traceback", "fake"]) == 1
        assert "Traceback (most recent call last)" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("error", "code"), [(KeyboardInterrupt(), 130), (click.Abort(), 130), (BrokenPipeError(), 141)]
    )
    def test_endings_that_need_no_words(self, fake, capsys, error, code):
        fake(raising(error))
        assert main(["fake"]) == code
        assert capsys.readouterr().err == ""

    def test_a_reader_that_goes_away_is_met_with_silence(self):
        reading, writing_end = os.pipe()
        os.close(reading)
        done = subprocess.run([*TOK, "validate", "--schema"], stdout=writing_end, stderr=subprocess.PIPE, timeout=60)
        os.close(writing_end)
        assert done.stderr == b""
        assert done.returncode == 141

    def test_commands_can_end_with_a_code(self, fake):
        @click.command("fake")
        @click.pass_context
        def command(ctx: click.Context) -> None:
            ctx.exit(3)

        fake(command)
        assert main(["fake"]) == 3


class TestOutput:
    def test_table_on_stdout_remarks_on_stderr(self, fake, capsys):
        fake(writing)
        assert main(["fake"]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("Hello.\n")
        assert "1.50" in out
        assert err == "tok: a remark\n"

    @pytest.mark.parametrize("args", [["--json"], ["-f", "json"], ["--format", "json"], ["--json", "-f", "json"]])
    def test_json(self, fake, capsys, args):
        fake(writing)
        assert main(["fake", *args]) == 0
        assert json.loads(capsys.readouterr().out)["schema"] == "tokonomics/fake/1"

    def test_csv_is_the_first_table_and_says_so(self, fake, capsys):
        fake(writing)
        assert main(["fake", "-f", "csv"]) == 0
        out, err = capsys.readouterr()
        assert out == "name,cost_usd\né,1.5\n"
        assert "csv holds the first of 2 tables" in err

    def test_quiet_and_verbose(self, fake, capsys):
        fake(writing)
        main(["fake", "-q", "-f", "csv"])
        assert capsys.readouterr().err == ""
        main(["fake", "-v"])
        assert capsys.readouterr().err == "tok: a remark\ntok: a detail\n"

    @pytest.mark.parametrize(
        ("name", "start"),
        [("a.json", "{\n"), ("a.csv", "name,cost_usd\n"), ("a.md", "Hello."), ("a.txt", "Hello."), ("A.JSON", "{\n")],
    )
    def test_suffix_implies_the_format(self, fake, capsys, name, start):
        fake(writing)
        assert main(["fake", "-o", name]) == 0
        assert capsys.readouterr().out == ""
        assert Path(name).read_text(encoding="utf-8").startswith(start)

    def test_format_stands_over_the_suffix(self, fake):
        fake(writing)
        assert main(["fake", "-o", "a.md", "--json"]) == 0
        assert json.loads(Path("a.md").read_text())

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (["-o", "a.xlsx"], "cannot tell a format from --output a.xlsx"),
            (["-o", "none/a.json"], "cannot write none/a.json: No such file or directory"),
            (["--json", "-f", "csv"], "--json contradicts --format csv"),
            (["-q", "-v"], "--quiet contradicts --verbose"),
            (["-f", "html"], "'html' is not one of"),
        ],
    )
    def test_what_cannot_be(self, fake, capsys, args, sentence):
        fake(writing)
        assert main(["fake", *args]) == 2
        assert sentence in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("env", "colored"),
        [
            ({}, False),
            ({"FORCE_COLOR": "1"}, True),
            ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
            ({"NO_COLOR": ""}, False),
        ],
    )
    def test_colour(self, fake, capsys, monkeypatch, env, colored):
        fake(writing)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        main(["fake"])
        assert ("\x1b[" in capsys.readouterr().out) is colored

    def test_files_hold_no_colour(self, fake, monkeypatch):
        fake(writing)
        monkeypatch.setenv("FORCE_COLOR", "1")
        main(["fake", "-o", "a.txt"])
        assert "\x1b" not in Path("a.txt").read_text(encoding="utf-8")

    def test_width_is_that_of_the_terminal(self, fake, capsys, monkeypatch):
        fake(writing)
        for columns in (50, 90):
            monkeypatch.setenv("COLUMNS", str(columns))
            main(["fake"])
            lines = capsys.readouterr().out.splitlines()
            assert max(map(len, lines)) <= columns
            assert any(len(line) > columns - 10 for line in lines)


@click.command("fake")
@click.argument("models", nargs=-1)
@scenario_options
@measured_option
def asking(**flags) -> None:
    """Print the scenario of the flags."""
    print(json.dumps(scenario_from_flags(flags).to_dict()))


class TestScenarioFlags:
    def ask(self, capsys, *args: str) -> dict:
        code = main(["fake", *args])
        out, err = capsys.readouterr()
        assert code == 0, err
        return {key: value for key, value in json.loads(out).items() if value not in ([], "", None)}

    def test_every_key_is_a_flag(self):
        keys = {*Scenario.model_fields, *TrafficSpec.model_fields} - {"models", "traffic", "simulation", "plan"}
        flags = {flag for param in asking.params for flag in param.opts}
        assert {f"--{key.replace('_', '-')}" for key in keys} <= flags

    def test_flags_make_a_scenario(self, fake, capsys):
        fake(asking)
        made = self.ask(
            capsys, "a", "b", "--rps", "3", "--in", "100", "--out", "50", "--slo", "ttft_p95=1s",
            "--gpu", "x,y", "--gpu", "z", "--num-gpus", "1,2", "--purchase", "spot", "--cached-input", "0.5",
            "--spares", "1", "--today", "2026-11-23", "--owned", "gpu=h100-sxm,purchase_usd=30000",
        )  # fmt: skip
        assert made["models"] == ["a", "b"]
        assert made["traffic"] == {
            "requests_per_s": 3.0,
            "input_tokens": 100.0,
            "output_tokens": 50.0,
            "skip_bad": False,
        }
        assert made["gpus"] == ["x", "y", "z"]
        assert made["num_gpus"] == [1, 2]
        assert made["owned"] == [{"gpu": "h100-sxm", "purchase_usd": 30000.0}]
        assert (made["purchase"], made["cached_input_frac"], made["num_spare_replicas"]) == ("spot", 0.5, 1)
        assert made["today"] == "2026-11-23"

    def test_flag_over_environment_over_file_over_default(self, fake, capsys, monkeypatch):
        fake(asking)
        Path("tok.yaml").write_text(
            "models: [m]\ntraffic: {preset: chat, requests_per_s: 1}\nengine: sglang\nkv_format: fp8\npurchase: spot\n"
        )
        monkeypatch.setenv("TOKONOMICS_ENGINE", "trtllm")
        monkeypatch.setenv("TOKONOMICS_KV_FORMAT", "bf16")
        made = self.ask(capsys, "-s", "tok.yaml", "--engine", "roofline")
        assert (made["engine"], made["kv_format"], made["purchase"]) == ("roofline", "bf16", "spot")
        assert made["num_spare_replicas"] == 0

    @pytest.mark.parametrize(
        ("file", "args", "traffic"),
        [
            ("{preset: chat, users: 5, think_time_s: 9}", ["--rps", "3"], {"preset": "chat", "requests_per_s": 3.0}),
            ("{preset: chat, requests_per_s: 5}", ["--in", "1", "--out", "2"],
             {"requests_per_s": 5.0, "input_tokens": 1.0, "output_tokens": 2.0}),
            ("{trace: /t.csv, skip_bad: true}", ["--preset", "rag", "--rps", "1"],
             {"preset": "rag", "requests_per_s": 1.0}),
            ("{requests_per_s: 5, input_tokens: 1, output_tokens: 2}", ["--out", "9"],
             {"requests_per_s": 5.0, "input_tokens": 1.0, "output_tokens": 9.0}),
        ],
    )  # fmt: skip
    def test_a_flag_takes_its_rivals_out_of_the_file(self, fake, capsys, file, args, traffic):
        fake(asking)
        Path("tok.yaml").write_text(f"models: [m]\ntraffic: {file}\n")
        assert self.ask(capsys, "-s", "tok.yaml", *args)["traffic"] == traffic | {"skip_bad": False}

    def test_a_trace_named_by_flag_starts_here(self, fake, capsys):
        fake(asking)
        Path("sub").mkdir()
        Path("sub/tok.yaml").write_text("models: [m]\ntraffic: {trace: t.csv}\n")
        assert self.ask(capsys, "-s", "sub/tok.yaml")["traffic"]["trace"] == os.path.join("sub", "t.csv")
        assert self.ask(capsys, "-s", "sub/tok.yaml", "--trace", "u.csv")["traffic"]["trace"] == "u.csv"

    def test_violations_of_flags_have_no_place_and_those_of_the_file_do(self, fake, capsys):
        fake(asking)
        Path("tok.yaml").write_text(
            "models: [m]\ntraffic: {preset: chat, requests_per_s: 1}\nnum_gpus: [1]\nkv_format: 3\n"
        )
        assert main(["fake", "-s", "tok.yaml", "--num-gpus", "0", "--rps", "nan"]) == 2
        assert set(capsys.readouterr().err.splitlines()) == {
            "tok: tok.yaml:4:1: kv_format=3 is wrong; give text",
            "tok: num_gpus[0]=0; limit=at least 1",
            "tok: traffic.requests_per_s=nan; limit=a finite number",
        }

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            ([], "models is missing"),
            (["m"], "traffic has no lengths"),
            (["m", "--rps", "0", "--in", "1", "--out", "1"], "requests_per_s=0.0; limit=above 0"),
            (["m", "--rps", "1", "--in", "1e12", "--out", "1"], "input_tokens=1000000000000.0; limit=at most 1e+08"),
            (["m", "--rps", "x"], "'x' is not a valid float"),
            (["m", "--preset", "chat", "--owned", "h100"], "--owned 'h100' is not KEY=VALUE"),
            (["m", "--preset", "chat", "--owned", "gpu=a,gpu=b"], "each key once"),
            (
                ["m", "--preset", "chat", "--owned", "gpu=a,purchase_usd=cheap"],
                "owned[0].purchase_usd='cheap' is wrong",
            ),
            (["m", "--preset", "chat", "--num-gpus", "two"], "num_gpus[0]='two' is wrong; give a whole number"),
            (["m", "--preset", "chat", "--purchase", "lease"], "'lease' is not one of"),
            (["-s", "none.yaml"], "cannot read none.yaml"),
            (["-s", "."], "ends in none of"),
        ],
    )
    def test_wrong_flags_are_a_sentence(self, fake, capsys, args, sentence):
        fake(asking)
        assert main(["fake", *args]) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert "Traceback" not in error

    def test_owned_takes_every_key(self, fake, capsys):
        fake(asking)
        given = {key: 1.0 for key in Owned.model_fields if key != "gpu"}
        text = ",".join(["gpu=g", *(f"{key}={value}" for key, value in given.items())])
        assert self.ask(capsys, "m", "--preset", "chat", "--rps", "1", "--owned", text)["owned"] == [
            {"gpu": "g", **given}
        ]


class TestInit:
    @pytest.mark.parametrize("template", ["chat", "rag", "code", "batch"])
    def test_writes_a_valid_scenario(self, fake, capsys, template):
        assert main(["init", "--template", template]) == 0
        assert Path("tok.yaml").read_text().startswith("# yaml-language-server: $schema=tok.schema.json\n")
        assert capsys.readouterr().out == ""
        fake(asking)
        assert main(["fake", "-s", "tok.yaml"]) == 0
        assert json.loads(capsys.readouterr().out)["traffic"]["preset"] == template

    def test_commented_keys_exist(self, fake):
        main(["init"])
        known = {*Scenario.model_fields, *TrafficSpec.model_fields, *Owned.model_fields, *SimulationSpec.model_fields}
        lines = [line.strip().lstrip("#- ") for line in Path("tok.yaml").read_text().splitlines()[4:]]
        keys = {line.split(":")[0] for line in lines if ":" in line and " " not in line.split(":")[0]}
        assert keys - {"Lengths", "Load"} <= known
        assert len(keys & known) > 15

    def test_schema_lies_beside_it(self, fake, capsys):
        main(["init", "my.yaml"])
        capsys.readouterr()
        main(["validate", "--schema"])
        assert Path("my.schema.json").read_text() == capsys.readouterr().out
        assert json.loads(Path("my.schema.json").read_text())["$schema"].endswith("2020-12/schema")

    def test_never_overwrites_unless_forced(self, fake, capsys):
        Path("tok.yaml").write_text("mine")
        assert main(["init"]) == 2
        assert "--force" in capsys.readouterr().err
        assert Path("tok.yaml").read_text() == "mine"
        assert main(["init", "--force"]) == 0
        assert Path("tok.yaml").read_text() != "mine"

    @pytest.mark.parametrize(
        ("name", "sentence"), [("tok.txt", "does not end in .yaml"), ("no/tok.yaml", "cannot write")]
    )
    def test_places_that_cannot_be(self, fake, capsys, name, sentence):
        assert main(["init", name]) == 2
        assert sentence in capsys.readouterr().err


class TestValidate:
    def test_valid(self, fake, capsys):
        Path("tok.yaml").write_text("models: [llama-3.3-70b]\ntraffic: {preset: chat, requests_per_s: 1}\n")
        assert main(["validate", "tok.yaml"]) == 0
        assert capsys.readouterr().out == "tok.yaml is a valid scenario\n"
        assert main(["validate", "tok.yaml", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["scenario"]["models"] == ["llama-3.3-70b"]

    def test_lists_every_mistake_with_its_place(self, fake, capsys):
        Path("tok.yaml").write_text("models: [m]\ntraffic:\n  preset: chat\n  requests_per_s: 0\nengin: vllm\n")
        assert main(["validate", "tok.yaml"]) == 2
        first, second = capsys.readouterr().err.splitlines()
        assert first == "tok: tok.yaml:4:3: traffic.requests_per_s=0; limit=above 0"
        assert second.startswith("tok: tok.yaml:5:1: unknown key 'engin'; nearest: engine, ")

    def test_knows_the_names(self, fake, capsys):
        Path("tok.yaml").write_text(
            "models: [llama-3.3-70x]\ntraffic: {preset: chat, requests_per_s: 1}\ngpus: [h100-sxn]\nprecisions: [fp7]\nengine: vlm\n"
        )
        assert main(["validate", "tok.yaml"]) == 2
        error = capsys.readouterr().err
        for part in ("llama-3.3-70b", "h100-sxm", "'fp7'", "'vlm'"):
            assert part in error

    def test_missing_trace(self, fake, capsys):
        Path("tok.yaml").write_text("models: [llama-3.3-70b]\ntraffic: {trace: t.csv}\n")
        assert main(["validate", "tok.yaml"]) == 2
        assert "cannot read t.csv: no such file" in capsys.readouterr().err


class TestCompletion:
    @pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
    def test_prints_a_script(self, shell_name):
        done = tok("completion", shell_name)
        assert done.returncode == 0
        assert f"_TOK_COMPLETE={shell_name}_complete" in done.stdout

    @pytest.mark.parametrize(("words", "expected"), [("tok va", "validate"), ("tok init --temp", "--template")])
    def test_completes(self, words, expected):
        done = tok(
            env={"_TOK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        )
        assert done.stdout == f"plain,{expected}\n"
