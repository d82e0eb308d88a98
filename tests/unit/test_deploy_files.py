"""The self-hosted part of a plan as commands, Compose and Kubernetes."""

import shlex
from datetime import date

import pytest
from ruamel.yaml import YAML

from tokonomics.catalog.load import load_catalog
from tokonomics.errors import InputError
from tokonomics.planning.deploy_files import deploy_text
from tokonomics.planning.deploy_fleet import served_fleets
from tokonomics.policy.backend import ApiBackend, FleetBackend, ReplicaHour, ReplicaLevel
from tokonomics.policy.plan import CostRange, Expected, Plan, PlannedTraffic
from tokonomics.policy.record import Policy

# Flags of `vllm serve` that are used, as its documentation of engine and server arguments names them.
FLAGS = {
    "--served-model-name", "--tensor-parallel-size", "--pipeline-parallel-size", "--enable-expert-parallel", "--quantization",
    "--kv-cache-dtype", "--gpu-memory-utilization", "--max-model-len", "--max-num-seqs", "--max-num-batched-tokens",
    "--enable-prefix-caching", "--host", "--port",
}  # fmt: skip
FLEET = {
    "name": "base", "model": "llama-3.3-70b", "precision": "fp8", "engine": "vllm", "accelerator": "h100-sxm", "provider": "lambda",
    "purchase": "on_demand", "num_replicas": 5, "usd_per_gpu_hour": 2.0, "tensor_parallel": 2, "gpus_per_box": 8,
}  # fmt: skip
API = ApiBackend(
    name="api", endpoint="a/b", input_usd_per_mtok=1.0, output_usd_per_mtok=1.0, price_as_of="2026", price_source="s"
)


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


def fleet(**keys):
    return FleetBackend(**{**FLEET, **keys})


def plan(*fleets, cached=0.0, apis=()):
    cost = CostRange(expected_usd=1.0)
    expected = Expected(month=cost, allocation=cost, usage=cost, num_gpus=1, api_frac=0.0, is_replayed=True)
    traffic = PlannedTraffic(
        name="t",
        requests_per_s=1.0,
        peak_requests_per_s=1.0,
        mean_input_tokens=9.0,
        mean_output_tokens=9.0,
        cached_input_frac=cached,
    )
    return Plan(
        family="hybrid", policy=Policy(), expected=expected, traffic=traffic, fleets=fleets, apis=apis, planned_on=date(2026, 11, 23),
        catalogue_snapshot="2026-11-23", catalogue_digest="abc", seed=0, tokonomics_version="0.1",
    )  # fmt: skip


def commands(text):
    """The words of each command of the script, its environment first."""
    return [shlex.split(line) for line in text.splitlines() if line and not line.startswith("#")]


def documents(text):
    return list(YAML(typ="safe", pure=True).load_all(text))


class TestArguments:
    def one(self, catalog, cached=0.0, weights=None, **keys):
        (found,) = served_fleets(plan(fleet(**keys), cached=cached), catalog, weights)
        return found.arguments

    def test_weights_and_layout(self, catalog):
        found = self.one(catalog)
        assert found[0] == "meta-llama/Llama-3.3-70B-Instruct"
        assert found[1:7] == (
            "--served-model-name",
            "llama-3.3-70b",
            "--tensor-parallel-size",
            "2",
            "--quantization",
            "fp8",
        )
        assert "--kv-cache-dtype" not in found

    def test_what_the_weights_are_already_is_not_asked_for(self, catalog):
        assert "--quantization" not in self.one(catalog, precision="bf16", tensor_parallel=4)
        assert "--quantization" not in self.one(catalog, model="deepseek-v3", tensor_parallel=8, accelerator="h200-sxm")

    def test_every_knob_of_the_plan(self, catalog):
        found = self.one(
            catalog, cached=0.3, kv_format="fp8", max_sequences=64, step_budget_tokens=4096, pipeline_parallel=2,
            model="deepseek-v3", tensor_parallel=8, expert_parallel=True,
        )  # fmt: skip
        line = " ".join(found)
        for part in (
            "--kv-cache-dtype fp8", "--max-num-seqs 64", "--max-num-batched-tokens 4096", "--pipeline-parallel-size 2",
            "--enable-expert-parallel", "--enable-prefix-caching", "--gpu-memory-utilization 0.9",
        ):  # fmt: skip
            assert part in line
        assert {word for word in found if word.startswith("--")} <= FLAGS

    def test_a_context_that_memory_cannot_hold_is_limited(self, catalog):
        found = self.one(
            catalog, tensor_parallel=1, accelerator="h100-sxm", precision="int4-awq", weights={"llama-3.3-70b": "x/awq"}
        )
        assert found[0] == "x/awq"
        length = int(found[found.index("--max-model-len") + 1])
        assert 1024 <= length < 131072
        assert length % 1024 == 0
        assert "--max-model-len" not in self.one(catalog, accelerator="h200-sxm", tensor_parallel=4)


class TestRefusals:
    @pytest.mark.parametrize(
        ("keys", "sentence"),
        [
            ({"engine": "sglang"}, "engine=sglang; limit=vllm"),
            ({"accelerator": "tpu-v5p"}, "is by Google; limit=NVIDIA, AMD"),
            ({"kv_format": "int4"}, "kv_format=int4; limit=bf16, fp16, fp8"),
            ({"precision": "int4-awq"}, "needs weights of its own; name them by --weights llama-3.3-70b=OWNER/NAME"),
            ({"model": "llama-3.3-70"}, "unknown model"),
            ({"accelerator": "h10"}, "unknown gpu"),
        ],
    )
    def test_what_cannot_be_started_is_a_sentence(self, catalog, keys, sentence):
        with pytest.raises(InputError, match=r"fleet 'base': .*") as found:
            served_fleets(plan(fleet(**keys)), catalog)
        assert sentence in str(found.value)

    def test_all_fleets_are_told_at_once(self, catalog):
        with pytest.raises(InputError) as found:
            served_fleets(plan(fleet(name="a", engine="sglang"), fleet(name="b", kv_format="int4")), catalog)
        assert len(found.value.violations) == 2

    @pytest.mark.parametrize("name", ["--trust-remote-code", "a b", "a;b", "$(x)", "a'b", "-x", "", "a\nb", "a`b"])
    def test_weights_are_a_name_and_nothing_else(self, catalog, name):
        with pytest.raises(InputError, match="weights="):
            served_fleets(plan(fleet()), catalog, {"llama-3.3-70b": name})

    def test_a_plan_that_hosts_nothing(self, catalog):
        with pytest.raises(InputError, match="hosts nothing itself"):
            served_fleets(plan(apis=(API,)), catalog)
        with pytest.raises(InputError, match="hosts nothing itself"):
            served_fleets(plan(fleet(num_replicas=0), apis=(API,)), catalog)


class TestCommands:
    def test_one_command_a_replica_of_one_machine(self, catalog):
        text = deploy_text("vllm", served_fleets(plan(fleet()), catalog))
        found = commands(text)
        assert [words[0] for words in found] == [
            f"CUDA_VISIBLE_DEVICES={pair}" for pair in ("0,1", "2,3", "4,5", "6,7")
        ]
        assert [words[-1] for words in found] == ["8000", "8001", "8002", "8003"]
        assert all(words[1:3] == ["vllm", "serve"] for words in found)
        assert "machines=2" in text

    def test_amd_is_made_visible_by_its_own_name(self, catalog):
        text = deploy_text("vllm", served_fleets(plan(fleet(accelerator="mi300x", num_replicas=1)), catalog))
        assert commands(text)[0][0] == "HIP_VISIBLE_DEVICES=0,1"

    @pytest.mark.parametrize(
        ("keys", "sentence"),
        [
            (
                {"hours": (ReplicaHour(hour_of_week=8, num_replicas=5), ReplicaHour(hour_of_week=20, num_replicas=1))},
                "5 from hour 8, 1 from hour 20",
            ),
            ({"levels": (ReplicaLevel(up_to_requests_per_s=2.0, num_replicas=5, time_frac=1.0),)}, "5 up to 2/s"),
        ],
    )
    def test_a_schedule_is_told(self, catalog, keys, sentence):
        for target in ("vllm", "compose", "k8s"):
            assert sentence in deploy_text(target, served_fleets(plan(fleet(**keys)), catalog))


class TestCompose:
    def test_services_of_one_machine(self, catalog):
        (found,) = documents(deploy_text("compose", served_fleets(plan(fleet()), catalog)))
        assert list(found["services"]) == [f"fleet-1-base-{place}" for place in range(4)]
        last = found["services"]["fleet-1-base-3"]
        (device,) = last["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "device_ids": ["6", "7"], "capabilities": ["gpu"]}
        assert last["ports"] == ["8003:8000"]
        assert last["entrypoint"] + last["command"][:1] == ["vllm", "serve", "meta-llama/Llama-3.3-70B-Instruct"]
        assert all(isinstance(word, str) for word in last["command"])

    def test_amd_devices(self, catalog):
        (found,) = documents(deploy_text("compose", served_fleets(plan(fleet(accelerator="mi300x")), catalog)))
        service = found["services"]["fleet-1-base-1"]
        assert service["devices"] == ["/dev/kfd", "/dev/dri"]
        assert service["environment"]["HIP_VISIBLE_DEVICES"] == "2,3"
        assert "deploy" not in service


class TestKubernetes:
    def test_a_deployment_and_a_service_each(self, catalog):
        fleets = served_fleets(plan(fleet(), fleet(name="Über Nacht!", accelerator="mi300x")), catalog)
        found = documents(deploy_text("k8s", fleets))
        assert [one["kind"] for one in found] == ["Deployment", "Service"] * 2
        first, second = found[0], found[2]
        container = first["spec"]["template"]["spec"]["containers"][0]
        assert first["spec"]["replicas"] == 5
        assert container["resources"]["limits"] == {"nvidia.com/gpu": "2"}
        assert second["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {"amd.com/gpu": "2"}
        assert second["metadata"]["name"] == "fleet-2-ber-nacht"
        assert found[1]["spec"]["selector"] == first["spec"]["selector"]["matchLabels"]
        assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] == 3600

    def test_the_token_is_a_secret_and_not_in_the_file(self, catalog):
        (found, _) = documents(deploy_text("k8s", served_fleets(plan(fleet()), catalog)))
        (entry,) = found["spec"]["template"]["spec"]["containers"][0]["env"]
        assert entry["valueFrom"]["secretKeyRef"] == {"name": "hf-token", "key": "token", "optional": True}


def test_the_same_plan_gives_the_same_bytes(catalog):
    fleets = served_fleets(plan(fleet(), fleet(name="b")), catalog)
    for target in ("vllm", "compose", "k8s"):
        assert deploy_text(target, fleets) == deploy_text(target, fleets)
