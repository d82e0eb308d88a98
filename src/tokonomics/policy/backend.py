"""What a plan sends requests to: fleets that are paid by the GPU-hour, and hosted models that are paid by the token."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tokonomics.errors import raise_all
from tokonomics.policy._checks import choice_problems, count_problems, number_problems, text_problems
from tokonomics.policy._kinds import item_problems, items_of, kind_problems, num_items
from tokonomics.units import HOURS_PER_WEEK

PURCHASES: Final = ("on_demand", "spot", "reserved_1yr", "reserved_3mo", "prepaid", "owned")
"""How accelerators are had; `owned` ones are bought, all others rented."""

_MOST: Final = 10_000
_MOST_USD: Final = 1e6
_FLEET_TEXTS: Final = ("name", "model", "precision", "kv_format", "engine", "accelerator", "provider")
_FLEET_WORDS: Final = ("instance", "region", "price_as_of", "price_source")
_API_TEXTS: Final = ("name", "endpoint", "price_as_of", "price_source")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaHour:
    """`num_replicas` from `hour_of_week` on (0: Monday 00:00 UTC) until the next entry, the last until the first."""

    hour_of_week: int
    num_replicas: int

    def __post_init__(self) -> None:
        raise_all(
            count_problems("hour_of_week", self.hour_of_week, least=0, most=HOURS_PER_WEEK - 1, unit="hours")
            + count_problems("num_replicas", self.num_replicas, least=0, most=_MOST, unit="replicas")
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaLevel:
    """`num_replicas` while the load of the whole plan is at most `up_to_requests_per_s`, `time_frac` of the time.

    Levels rise; the last holds above its bound too.
    """

    up_to_requests_per_s: float
    num_replicas: int
    time_frac: float

    def __post_init__(self) -> None:
        bound = self.up_to_requests_per_s
        raise_all(
            number_problems("up_to_requests_per_s", bound, least=0, most=1e9, unit="requests/s")
            + count_problems("num_replicas", self.num_replicas, least=0, most=_MOST, unit="replicas")
            + number_problems("time_frac", self.time_frac, least=0, most=1, unit="of 1")
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetBackend:
    """Replicas of one deployment from one offer.

    A replica is `tensor_parallel` x `pipeline_parallel` accelerators. `num_replicas` is how many there are when neither
    `hours` nor `levels` says otherwise, and the most of them. `instance` is sold in boxes of `gpus_per_box`.
    `usd_per_gpu_hour` is what is paid for a used GPU-hour, idle GPUs of a box included; `price_as_of` may be empty.
    """

    name: str
    model: str
    precision: str
    engine: str
    accelerator: str
    provider: str
    purchase: str
    num_replicas: int
    usd_per_gpu_hour: float
    kv_format: str = "bf16"
    instance: str = ""
    region: str = ""
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    expert_parallel: bool = False
    gpus_per_box: int = 1
    max_sequences: int | None = None
    step_budget_tokens: int | None = None
    price_as_of: str = ""
    price_source: str = ""
    hours: tuple[ReplicaHour, ...] = field(default=(), metadata={"of": ReplicaHour, "many": True})
    levels: tuple[ReplicaLevel, ...] = field(default=(), metadata={"of": ReplicaLevel, "many": True})

    def __post_init__(self) -> None:
        raise_all(_fleet_problems(self))

    @property
    def gpus_per_replica(self) -> int:
        """Accelerators of one replica."""
        return self.tensor_parallel * self.pipeline_parallel

    @property
    def num_gpus(self) -> int:
        """Accelerators of all replicas, at most."""
        return self.num_replicas * self.gpus_per_replica


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiBackend:
    """A hosted model: `endpoint` is provider/model, prices are those listed on `price_as_of`.

    `model` names the catalogue's model where the endpoint serves its weights, else it is empty. Latencies are None
    where nobody measured them.
    """

    name: str
    endpoint: str
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    price_as_of: str
    price_source: str
    cached_input_usd_per_mtok: float | None = None
    model: str = ""
    ttft_p95_s: float | None = None
    itl_p95_s: float | None = None

    def __post_init__(self) -> None:
        raise_all(_api_problems(self))


def replicas_at(fleet: FleetBackend, hour_of_week: int, requests_per_s: float) -> int:
    """Replicas that a plan wants of `fleet` in an hour of the week, at a load of the whole plan.

    >>> fleet = FleetBackend(name="a", model="m", precision="fp8", engine="vllm", accelerator="h100", provider="p",
    ...     purchase="spot", num_replicas=3, usd_per_gpu_hour=2.0, hours=(ReplicaHour(hour_of_week=8, num_replicas=3),
    ...     ReplicaHour(hour_of_week=20, num_replicas=1)))
    >>> [replicas_at(fleet, hour, 1.0) for hour in (0, 8, 19, 20)]
    [1, 3, 3, 1]
    """
    if fleet.hours:
        begun = [one for one in fleet.hours if one.hour_of_week <= hour_of_week % HOURS_PER_WEEK]
        return (begun or fleet.hours)[-1].num_replicas
    for level in fleet.levels:
        if requests_per_s <= level.up_to_requests_per_s:
            return level.num_replicas
    return fleet.levels[-1].num_replicas if fleet.levels else fleet.num_replicas


def _fleet_problems(fleet: FleetBackend) -> list[str]:
    problems = [one for name in _FLEET_TEXTS for one in text_problems(name, getattr(fleet, name))]
    problems += [one for name in _FLEET_WORDS for one in kind_problems(name, getattr(fleet, name), str, "text")]
    problems += choice_problems("purchase", fleet.purchase, PURCHASES)
    for name, least in (("num_replicas", 0), ("tensor_parallel", 1), ("pipeline_parallel", 1), ("gpus_per_box", 1)):
        problems += count_problems(name, getattr(fleet, name), least=least, most=_MOST, unit=name.removeprefix("num_"))
    for name in ("max_sequences", "step_budget_tokens"):
        if getattr(fleet, name) is not None:
            problems += count_problems(name, getattr(fleet, name), least=1, most=2**40, unit=name)
    problems += number_problems("usd_per_gpu_hour", fleet.usd_per_gpu_hour, least=0, most=_MOST_USD, unit="USD/h")
    problems += kind_problems("expert_parallel", fleet.expert_parallel, bool, "true or false")
    problems += item_problems("hours", fleet.hours, ReplicaHour) + item_problems("levels", fleet.levels, ReplicaLevel)
    return problems or _schedule_problems(fleet)


def _schedule_problems(fleet: FleetBackend) -> list[str]:
    """Violations between the entries of a schedule, asked only when each field alone is in order."""
    hours, levels = items_of(fleet.hours, ReplicaHour), items_of(fleet.levels, ReplicaLevel)
    if len(hours) + len(levels) < num_items(fleet.hours) + num_items(fleet.levels):  # said already
        return []
    problems = []
    if hours and levels:
        problems.append("hours and levels are both given; limit=one of them; keep what the plan follows")
    problems += _order_problems("hours", [one.hour_of_week for one in hours])
    problems += _order_problems("levels", [one.up_to_requests_per_s for one in levels])
    counts = [one.num_replicas for one in hours] + [one.num_replicas for one in levels]
    most = max(counts, default=fleet.num_replicas)
    if most != fleet.num_replicas:
        problems.append(f"num_replicas={fleet.num_replicas}; limit={most}, the most of its schedule; make them equal")
    return problems


def _order_problems(name: str, marks: Sequence[float]) -> list[str]:
    if list(marks) == sorted(set(marks)):
        return []
    return [f"{name} do not rise; limit=each later than the one before; sort them and keep each once"]


def _api_problems(api: ApiBackend) -> list[str]:
    problems = [one for name in _API_TEXTS for one in text_problems(name, getattr(api, name))]
    problems += kind_problems("model", api.model, str, "text, or nothing")
    for name in ("input_usd_per_mtok", "output_usd_per_mtok"):
        problems += number_problems(name, getattr(api, name), least=0, most=_MOST_USD, unit="USD/Mtok")
    if api.cached_input_usd_per_mtok is not None:
        cached = api.cached_input_usd_per_mtok
        problems += number_problems("cached_input_usd_per_mtok", cached, least=0, most=_MOST_USD, unit="USD/Mtok")
    for name in ("ttft_p95_s", "itl_p95_s"):
        if getattr(api, name) is not None:
            problems += number_problems(name, getattr(api, name), least=0, most=1e6, unit="s")
    return problems
