"""What of a deployment may move its constants: named features, grouped in blocks that share a prior.

A feature is `block:name` with a value, 1 for a membership. Features describe kinds of things, such as an engine on a
hardware family or a mixture of experts; none names a row of measurements or one exact configuration.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import log, log2

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.physics.formats import WeightFormat

Feature = tuple[str, float]

_CLASS_OF_FORMAT = {"int4-awq": "int4", "int4-gptq": "int4", "fp4": "nvfp4"}
_SIXTEEN_BIT = ("fp16", "bf16")
_SCALES = ("tp", "pp", "active-bytes", "total-bytes", "hidden", "layers", "kv-heads", "experts")
_TYPICAL_WEIGHT_BYTES = 8e9
_TYPICAL_HIDDEN_SIZE = 4096
_TYPICAL_LAYERS = 40
_TYPICAL_KV_HEADS = 4.0


def deployment_features(
    *,
    model: Model,
    accelerator: Accelerator,
    precision: WeightFormat,
    engine: str,
    tensor_parallel: int,
    pipeline_parallel: int,
    expert_parallel: bool,
    attention_data_parallel: bool,
) -> tuple[Feature, ...]:
    """Features of one deployment, the same for any batch and any lengths."""
    flags = (
        *_model_flags(model),
        *(["ep"] if expert_parallel else []),
        *(["attention-dp"] if attention_data_parallel else []),
        *(["tp"] if tensor_parallel > 1 else []),
        *(["pcie"] if _is_on_pcie(accelerator) and tensor_parallel * pipeline_parallel > 1 else []),
    )
    sizes = tuple(_scales(model, precision, tensor_parallel, pipeline_parallel))
    return _memberships(engine, accelerator.family, accelerator.id, precision.id, flags) + tuple(
        zip(_scale_names(engine), sizes + sizes)
    )


@lru_cache(maxsize=4096)
def _memberships(
    engine: str, family: str, accelerator_id: str, precision_id: str, flags: tuple[str, ...]
) -> tuple[Feature, ...]:
    """Features of value 1; cached, for a sweep asks for the same few again and again."""
    return (
        ("all:", 1.0),
        (f"engine:{engine}", 1.0),
        (f"family:{family}", 1.0),
        (f"cell:{engine}/{family}", 1.0),
        (f"accelerator:{accelerator_id}", 1.0),
        *_format_features(precision_id, engine, family),
        *((f"flag:{flag}", 1.0) for flag in flags),
        *((f"flag-engine:{flag}/{engine}", 1.0) for flag in flags),
    )


@lru_cache(maxsize=64)
def _scale_names(engine: str) -> tuple[str, ...]:
    """Names of the sizes, then those of the sizes in this engine."""
    return (*(f"scale:{name}" for name in _SCALES), *(f"scale-engine:{name}/{engine}" for name in _SCALES))


def _format_features(precision_id: str, engine: str, family: str) -> tuple[Feature, ...]:
    """Kernels of a format, beside those of 16 bit that are the base."""
    if precision_id in _SIXTEEN_BIT:
        return ()
    name = _CLASS_OF_FORMAT.get(precision_id, precision_id)
    return (
        (f"format:{name}", 1.0),
        (f"format-engine:{name}/{engine}", 1.0),
        (f"format-family:{name}/{family}", 1.0),
    )


def _model_flags(model: Model) -> Iterator[str]:
    kv = model.kv
    kinds = {
        "moe": model.is_moe,
        "latent": kv.is_latent,
        "window": kv.window_tokens > 0 and kv.window_elements_per_token > 0,
        "state": kv.state_elements > 0,
        "sparse": kv.selected_tokens > 0,
    }
    return (name for name, has in kinds.items() if has)


def _is_on_pcie(part: Accelerator) -> bool:
    return "pci" in part.link.lower()


def _scales(model: Model, precision: WeightFormat, tp: int, pp: int) -> Iterator[float]:
    """Logarithms of sizes, by `_SCALES`, centred on common ones and of order 1: kernels change with shard shapes."""
    tp, pp = max(tp, 1), max(pp, 1)  # a count below 1 is refused by the deployment itself
    bytes_per_param, num_gpus = precision.weight_bits / 8.0, tp * pp
    active, total = max(model.params.active, 1), max(model.params.total, 1)
    yield log2(tp) / 2.0
    yield log2(pp) / 2.0
    yield log(active * bytes_per_param / num_gpus / _TYPICAL_WEIGHT_BYTES) / 1.5
    yield log(total * bytes_per_param / num_gpus / _TYPICAL_WEIGHT_BYTES) / 1.5
    yield log(model.hidden_size / _TYPICAL_HIDDEN_SIZE)
    yield 2.0 * log(model.num_layers / _TYPICAL_LAYERS)
    yield log(max(model.kv.num_kv_heads / tp, 1.0) / _TYPICAL_KV_HEADS)
    yield log(max(model.num_experts, 1)) / 4.0
