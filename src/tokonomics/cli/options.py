"""The flags of a scenario: one for each key of the file, made from the record itself, so that none can be missed.

A flag stands over TOKONOMICS_<KEY> in the environment, which stands over the file of `--scenario`, which stands
over the default.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import click
from click.shell_completion import CompletionItem
from pydantic.fields import FieldInfo

from tokonomics.errors import InputError, TokonomicsError
from tokonomics.workload.scenario import Owned, Scenario, TrafficSpec
from tokonomics.workload.scenario_errors import Places
from tokonomics.workload.scenario_file import ScenarioFile, read_scenario_file
from tokonomics.workload.scenario_measured import Measured
from tokonomics.workload.scenario_plan import PlanSpec
from tokonomics.workload.scenario_simulation import SimulationSpec

F = TypeVar("F", bound=Callable[..., Any])

# Short names beside the full ones; every other flag is its key with dashes.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "requests_per_s": ("--rps",),
    "input_tokens": ("--in",),
    "output_tokens": ("--out",),
    "think_time_s": ("--think-time",),
    "gpus": ("--gpu",),
    "precisions": ("--precision",),
    "providers": ("--provider",),
    "regions": ("--region",),
    "apis": ("--api",),
    "cached_input_frac": ("--cached-input",),
    "num_spare_replicas": ("--spares",),
    "num_replicas": ("--replicas",),
    "rate_ratio": ("--scale",),
    "num_repeats": ("--repeat",),
    "span_s": ("--span",),
    "gpu_usd_per_hour": ("--usd-per-hour",),
}
_POINT_KEYS: Final = {
    "rps": "requests_per_s",
    "in": "input_tokens",
    "out": "output_tokens",
    "output_tok_s": "output_tokens_per_s",
}
"""Short keys of a measured point, as those of the flags."""
_TEXT_KEYS: Final = ("gpu", "model", "precision", "engine")
_PROOF_KEYS: Final = ("seed", "span_s", "api_ttft_s", "api_itl_s")
_LINES: Final = ("quality", "cascades")
"""Keys whose values are lines of KEY=VALUE,..., one a flag."""
# Keys of which only one alternative may stand: a flag of one drops what the file says of the others.
_RIVALS: Final = (
    ({"requests_per_s"}, {"users", "think_time_s"}, {"tokens_per_month"}),
    ({"input_tokens", "output_tokens"}, {"preset"}, {"trace", "skip_bad"}),
)
_BLOCKS: Final = ("models", "traffic", "measured", "simulation", "plan")
_FIELDS: Final[Mapping[str, FieldInfo]] = {
    **TrafficSpec.model_fields,
    **{name: field for name, field in Scenario.model_fields.items() if name not in _BLOCKS},
}


def scenario_options(command: F) -> F:
    """Add a flag for each key of a scenario, and `--scenario FILE`; `scenario_from_flags` reads them."""
    decorated: Any = command
    for name, field in reversed(tuple(_FIELDS.items())):
        decorated = _option(name, field)(decorated)
    file = click.option(
        "-s",
        "--scenario",
        "scenario_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Scenario file (.yaml, .toml, or a .json result to ask again); flags stand over it.",
    )
    return file(decorated)  # type: ignore[no-any-return]  # a decorated function keeps its kind


def simulation_options(command: F) -> F:
    """Add a flag for each key of the block `simulation` of a scenario; `scenario_from_flags` reads them too."""
    decorated: Any = command
    for name, field in reversed(tuple(SimulationSpec.model_fields.items())):
        decorated = _option(name, field)(decorated)
    return decorated  # type: ignore[no-any-return]  # a decorated function keeps its kind


def measured_option(command: F) -> F:
    """Add `--measured`, for a command whose answer own measurements shift; all others refuse such a scenario."""
    decorated: Any = _option("measured", Scenario.model_fields["measured"])(command)
    return decorated  # type: ignore[no-any-return]  # a decorated function keeps its kind


def plan_options(command: F) -> F:
    """Add a flag for each key of the block `plan`, and those of `simulation` that a plan is proven with."""
    fields = {name: SimulationSpec.model_fields[name] for name in _PROOF_KEYS} | PlanSpec.model_fields
    decorated: Any = command
    for name, field in reversed(tuple(fields.items())):
        decorated = _option(name, field)(decorated)
    return decorated  # type: ignore[no-any-return]  # a decorated function keeps its kind


def scenario_from_flags(flags: Mapping[str, Any], *, source: ScenarioFile | None = None) -> Scenario:
    """Build the scenario of a command from its `models` and the flags of `scenario_options`, given or not.

    `source` stands for the file of `--scenario`, where what lies below the flags came from elsewhere.
    Raises InputError with every violation at once, each with its place when it stands in the file.
    """
    path = flags.get("scenario_file")
    if source is None:
        source = read_scenario_file(path) if path else ScenarioFile(raw={}, places=Places())
    given = {name: _plain(name, flags.get(name)) for name in ("models", "measured", *_FIELDS)}
    given = {name: value for name, value in given.items() if value is not None}
    replay = {name: flags[name] for name in SimulationSpec.model_fields if flags.get(name) is not None}
    search = {name: _plain(name, flags.get(name)) for name in PlanSpec.model_fields}
    search = {name: value for name, value in search.items() if value is not None}
    raw = _merged(source.raw, given)
    raw.setdefault("traffic", {})
    for name, block in (("simulation", replay), ("plan", search)):
        if block and isinstance(raw.get(name, {}), Mapping):
            raw[name] = {**raw.get(name, {}), **block}
    blocks = {"traffic": given, "simulation": replay, "plan": search}
    inside = ((block, name) for block, names in blocks.items() for name in names)
    elsewhere = frozenset[tuple[str | int, ...]](chain(((name,) for name in given), inside))
    scenario = Scenario.from_dict(raw, places=replace(source.places, elsewhere=elsewhere))
    if scenario.measured and "measured" not in flags:
        raise InputError("this command takes no measured points; leave `measured` out, or ask `tok quote`")
    return scenario


def complete_models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models that begin with `incomplete`, for the shell."""
    return _known("models", incomplete)


def complete_gpus(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of accelerators that begin with `incomplete`, for the shell."""
    return _known("accelerators", incomplete)


def _option(name: str, field: FieldInfo) -> Callable[[F], F]:
    default = f"  [{field.default}]" if field.default not in (None, (), "", False) else ""
    settings: dict[str, Any] = {
        "help": f"{(field.description or '').rstrip('.')}.{default}",
        "envvar": f"TOKONOMICS_{name.upper()}",
        "default": None,
    }
    if field.annotation is bool:
        settings |= {"is_flag": True}
    else:
        settings |= {"type": _click_type(field), "multiple": _is_list(field), "metavar": _metavar(name, field)}
    if name == "gpus":
        settings |= {"shell_complete": complete_gpus}
    return click.option(f"--{name.replace('_', '-')}", *_ALIASES.get(name, ()), name, **settings)


def _is_list(field: FieldInfo) -> bool:
    return isinstance(field.default, tuple)


def _leaf_types(annotation: Any) -> Iterator[Any]:
    """The plain types inside an annotation such as `Annotated[float, ...] | None`."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for one in inner:
        yield from _leaf_types(one)


def _click_type(field: FieldInfo) -> click.ParamType[Any]:
    if get_origin(field.annotation) is Literal:
        return click.Choice(get_args(field.annotation))
    if _is_list(field):
        return click.STRING  # comma-separated; the parts are read by _plain
    leaves = set(_leaf_types(field.annotation))
    return click.FLOAT if float in leaves else click.INT if int in leaves else click.STRING


def _metavar(name: str, field: FieldInfo) -> str | None:
    if name in ("trace", "price_overrides"):
        return "FILE"
    if name in ("owned", "measured", *_LINES):
        return "KEY=VALUE,..."
    kind = _click_type(field)
    if isinstance(kind, click.Choice):
        return None
    return "DATE" if name == "today" else "TEXT" if kind is click.STRING else "N"


def _plain(name: str, value: Any) -> Any:
    """The value of a flag as a file would hold it; None where the flag was not given."""
    if value is None or value == ():
        return None
    if name == "owned":
        return [_block(text, "--owned", tuple(Owned.model_fields)) for text in value]
    if name == "measured":
        return [_block(text, "--measured", tuple(Measured.model_fields), _POINT_KEYS) for text in value]
    if name in _LINES:
        return list(value)
    if isinstance(value, tuple):
        parts = [part.strip() for text in value for part in text.split(",") if part.strip()]
        return [int(part) if part.lstrip("-").isdigit() else part for part in parts] if name == "num_gpus" else parts
    return value


def _block(
    text: str, flag: str, known: Sequence[str], short_keys: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Read `gpu=h100-sxm,purchase_usd=30000`; what is no number stays text for the record to judge."""
    block: dict[str, Any] = {}
    for pair in text.split(","):
        given, equals, value = (part.strip() for part in pair.partition("="))
        key = short_keys.get(given, given)
        if not equals or key in block:
            raise InputError(f"{flag} {pair!r} is not KEY=VALUE, each key once; known: {', '.join(known)}")
        block[key] = value if key in _TEXT_KEYS else _number_or_text(value)
    return block


def _number_or_text(text: str) -> float | str:
    """A whole number, else any, else the text."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _merged(raw: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The file with the flags over it; a flag takes the rivals of its key out of the file."""
    traffic = raw.get("traffic", {})
    if not isinstance(traffic, Mapping):
        return {**raw, **given}
    kept = {key: value for key, value in traffic.items() if key not in _rivals_of(set(given))}
    kept |= {key: value for key, value in given.items() if key in TrafficSpec.model_fields}
    top = {key: value for key, value in given.items() if key not in TrafficSpec.model_fields}
    return {**raw, **top, "traffic": kept} if kept or "traffic" in raw else {**raw, **top}


def _rivals_of(given: set[str]) -> set[str]:
    rivals: set[str] = set()
    for family in _RIVALS:
        chosen = [keys for keys in family if keys & given]
        if chosen:
            rivals |= set().union(*(keys for keys in family if keys not in chosen))
    return rivals


def _known(kind: str, incomplete: str) -> list[CompletionItem]:
    from tokonomics.catalog.load import load_catalog  # a completing shell may wait for it, `--help` may not

    try:
        names = getattr(load_catalog(), kind)
    except TokonomicsError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
