"""The self-hosted part of a plan as files: shell commands, a Docker Compose file, or Kubernetes manifests.

Pure functions from served fleets to text. Words from the plan are quoted for the reader of the file: the shell, YAML,
and the two that look for `$` in YAML (Compose, and Kubernetes in arguments).
"""

import io
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from tokonomics.planning.deploy_fleet import ServedFleet

Target = Literal["vllm", "compose", "k8s"]
TARGETS: Final[tuple[Target, ...]] = ("vllm", "compose", "k8s")

_PORT: Final = 8000
_IMAGES: Final = {"NVIDIA": "vllm/vllm-openai:latest", "AMD": "vllm/vllm-openai-rocm:latest"}
_VISIBLE: Final = {"NVIDIA": "CUDA_VISIBLE_DEVICES", "AMD": "HIP_VISIBLE_DEVICES"}
_RESOURCES: Final = {"NVIDIA": "nvidia.com/gpu", "AMD": "amd.com/gpu"}
_CACHE: Final = "/root/.cache/huggingface"
_START_SECONDS: Final = 3600
_PROBE_SECONDS: Final = 10


def deploy_text(target: Target, fleets: Sequence[ServedFleet]) -> str:
    """The commands or manifests that start `fleets`."""
    return _WRITERS[target](fleets)


def vllm_commands(fleets: Sequence[ServedFleet]) -> str:
    """For each fleet, one command a replica of one of its machines."""
    blocks = []
    for fleet in fleets:
        lines = [*_remarks(fleet), *(_command(fleet, place) for place in range(_on_a_box(fleet)))]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def compose_file(fleets: Sequence[ServedFleet]) -> str:
    """A Compose file with a service a replica of one machine; a fleet is a profile, for the machines it runs on."""
    services: dict[str, Any] = {}
    for fleet, name in zip(fleets, _names(fleets), strict=True):
        for place in range(_on_a_box(fleet)):
            services[f"{name}-{place}"] = _service(fleet, name, place)
    remarks = [line for fleet in fleets for line in _remarks(fleet)]
    hint = "# on each machine: docker compose --profile FLEET up --detach"
    return "\n".join([*remarks, hint, _yaml({"services": services, "volumes": {"weights": {}}})])


def k8s_manifests(fleets: Sequence[ServedFleet]) -> str:
    """A Deployment and a Service for each fleet; the token of the hub comes from the secret `hf-token`, if there."""
    parts = []
    for fleet, name in zip(fleets, _names(fleets), strict=True):
        remarks = "\n".join(_remarks(fleet))
        parts.append(f"{remarks}\n{_yaml(_deployment(fleet, name))}---\n{_yaml(_k8s_service(name))}")
    return "---\n".join(parts)


def _on_a_box(fleet: ServedFleet) -> int:
    return min(fleet.replicas_per_box, fleet.num_replicas)


def _remarks(fleet: ServedFleet) -> Iterator[str]:
    """Lines for people; every word of the plan's is kept on its line."""
    yield _remark(
        f"fleet {fleet.name}: {fleet.num_replicas} replicas of {fleet.gpus_per_replica} x {fleet.accelerator}"
        f" ({fleet.purchase}, {fleet.provider}); machines={fleet.num_boxes}, each with up to {fleet.replicas_per_box}"
    )
    if fleet.schedule:
        yield _remark(fleet.schedule)


def _remark(text: str) -> str:
    return "# " + "".join(character if character.isprintable() else " " for character in text)


def _command(fleet: ServedFleet, place: int) -> str:
    words = ["vllm", "serve", *fleet.arguments, "--port", str(_PORT + place)]
    return f"{_VISIBLE[fleet.vendor]}={_devices(fleet, place)} {shlex.join(words)}"


def _devices(fleet: ServedFleet, place: int) -> str:
    first = place * fleet.gpus_per_replica
    return ",".join(str(one) for one in range(first, first + fleet.gpus_per_replica))


def _service(fleet: ServedFleet, profile: str, place: int) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": _IMAGES[fleet.vendor],
        "profiles": [profile],
        "entrypoint": ["vllm", "serve"],
        "command": [_undollared(one) for one in (*fleet.arguments, "--host", "0.0.0.0", "--port", str(_PORT))],  # noqa: S104 - inside a container
        "ports": [f"{_PORT + place}:{_PORT}"],
        "environment": {"HF_TOKEN": "${HF_TOKEN:-}"},
        "volumes": [f"weights:{_CACHE}"],
        "ipc": "host",
        "restart": "unless-stopped",
    }
    return {**service, **_compose_devices(fleet, place)}


def _compose_devices(fleet: ServedFleet, place: int) -> dict[str, Any]:
    """NVIDIA's are reserved by number; AMD's are all handed in, and made visible by number."""
    numbers = _devices(fleet, place)
    if fleet.vendor == "AMD":
        environment = {"HF_TOKEN": "${HF_TOKEN:-}", _VISIBLE["AMD"]: numbers}
        devices = ["/dev/kfd", "/dev/dri"]
        return {"environment": environment, "devices": devices, "group_add": ["video"]}
    device = {"driver": "nvidia", "device_ids": numbers.split(","), "capabilities": ["gpu"]}
    return {"deploy": {"resources": {"reservations": {"devices": [device]}}}}


def _deployment(fleet: ServedFleet, name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    spec = {
        "containers": [_container(fleet)],
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            {"name": "weights", "emptyDir": {}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": fleet.num_replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _container(fleet: ServedFleet) -> dict[str, Any]:
    health = {"httpGet": {"path": "/health", "port": _PORT}, "periodSeconds": _PROBE_SECONDS}
    token = {"name": "hf-token", "key": "token", "optional": True}
    return {
        "name": "vllm",
        "image": _IMAGES[fleet.vendor],
        "command": ["vllm", "serve"],
        "args": [_undollared(one) for one in (*fleet.arguments, "--host", "0.0.0.0", "--port", str(_PORT))],  # noqa: S104 - inside a container
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": token}}],
        "ports": [{"containerPort": _PORT}],
        "resources": {"limits": {_RESOURCES[fleet.vendor]: str(fleet.gpus_per_replica)}},
        "startupProbe": {**health, "failureThreshold": _START_SECONDS // _PROBE_SECONDS},
        "readinessProbe": health,
        "livenessProbe": health,
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "weights", "mountPath": _CACHE}],  # noqa: S108 - of the container
    }


def _k8s_service(name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    ports = [{"name": "http", "port": _PORT, "targetPort": _PORT}]
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": labels, "ports": ports}}


def _names(fleets: Sequence[ServedFleet]) -> tuple[str, ...]:
    """Names that Compose and Kubernetes accept, one a fleet, no two alike."""
    plain = [re.sub(r"[^a-z0-9]+", "-", fleet.name.lower()).strip("-")[:40].strip("-") for fleet in fleets]
    return tuple(f"fleet-{number}-{name}" if name else f"fleet-{number}" for number, name in enumerate(plain, 1))


def _undollared(word: str) -> str:
    return word.replace("$", "$$")


def _yaml(content: Mapping[str, Any]) -> str:
    """YAML in which every text stands in quotes, so that no reader takes `no` or `1e3` for something else."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 10_000
    out = io.StringIO()
    yaml.dump(_quoted(content), out)
    return out.getvalue()


def _quoted(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value


_WRITERS: Final[Mapping[Target, Callable[[Sequence[ServedFleet]], str]]] = {
    "vllm": vllm_commands,
    "compose": compose_file,
    "k8s": k8s_manifests,
}
