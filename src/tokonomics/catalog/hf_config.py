"""A model from its published config.json, offline: for any model that is not in the table."""

import csv
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tokonomics.catalog.architecture_cells import architecture_of
from tokonomics.catalog.hf_families import FAMILIES, Cells, siglip_params
from tokonomics.catalog.hf_values import ConfigValues
from tokonomics.catalog.model import Model
from tokonomics.catalog.tables import Row
from tokonomics.errors import InputError, raise_all

MAX_CONFIG_BYTES: Final = 1 << 20

_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
_QUANTISED = {"fp8": "fp8", "mxfp4": "mxfp4", "awq": "int4-awq", "gptq": "int4-gptq"}
_COMPRESSED = {("float", 8): "fp8", ("int", 8): "int8", ("int", 4): "int4", ("float", 4): "nvfp4"}


def model_from_config(path: Path) -> Model:
    """The model that the config.json at `path` (the file, or the folder that holds it) describes.

    Families: the keys of `hf_families.FAMILIES`. Nothing is fetched. The vision tower is counted for Gemma 3 and
    left out, with a note, for any other model that has one.

    Raises: InputError naming all that is missing, absurd or not supported.
    """
    file = path / "config.json" if path.is_dir() else path
    config = _read(file)
    family, text = _family(config, file)
    values = ConfigValues(values=text)
    cells = FAMILIES[family](values)
    native_format = _native_format(config, values)
    vision, notes = _vision(config, family, values)
    _raise_if_wrong(file, values)
    row = Row(where=str(file), cells={name: str(value) for name, value in (cells | vision).items()})
    architecture = architecture_of(row)
    raise_all(list(dict.fromkeys(row.problems)))
    return Model(
        id=_id(file),
        hf_id=_hf_id(config),
        native_format=native_format,
        max_context_tokens=int(cells["max_context_tokens"]) if cells["max_context_tokens"] else None,
        architecture=architecture,
        status="user",
        source=f"{file.name} given by the user, model_type {family}",
        notes=notes,
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_CONFIG_BYTES + 1)
        if len(data) > MAX_CONFIG_BYTES:
            raise InputError(
                f"{file} is larger than {MAX_CONFIG_BYTES} bytes; give the model's config.json, not its weights"
            )
        config = json.loads(data.decode("utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read {file}: {error.strerror}; give a config.json or the folder that holds it"
        ) from None
    except json.JSONDecodeError as error:
        raise InputError(f"{file} is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{file} is not a readable JSON text in UTF-8; copy the model's config.json again") from None
    if not isinstance(config, dict):
        raise InputError(f"{file} holds a {type(config).__name__}; a config.json is an object with named values")
    return config


def _family(config: dict[str, Any], file: Path) -> tuple[str, dict[str, Any]]:
    """The family, and the section with the text model's dimensions: `text_config` where the model is multimodal."""
    nested = config.get("text_config")
    text = nested if isinstance(nested, dict) else config
    kind = text.get("model_type")
    if isinstance(kind, str) and kind in FAMILIES:
        shared = {key: config[key] for key in ("tie_word_embeddings",) if config.get(key) is not None}
        return kind, _defaults(kind) | shared | text
    found = repr(kind or config.get("architectures"))[:100]
    raise InputError(
        f"{file}: model_type={found} is not supported; supported: {', '.join(sorted(FAMILIES))}; "
        "add any other model as a row of a table of models"
    )


@cache
def _default_rows() -> tuple[dict[str, str], ...]:
    """What a family's configuration means where it is silent, as published with its code."""
    text = files("tokonomics.catalog").joinpath("data", "hf_defaults.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _defaults(family: str) -> dict[str, Any]:
    return {row["key"]: json.loads(row["value"]) for row in _default_rows() if row["model_type"] == family}


def _native_format(config: dict[str, Any], text: ConfigValues) -> str:
    """The format of the weights, by our name; what cannot be told is added to `text.problems`."""
    section = config.get("quantization_config") or text.values.get("quantization_config")
    if isinstance(section, dict):
        return _quantised_format(section, text)
    names = [part.get(key) for part in (config, text.values) for key in ("torch_dtype", "dtype")]
    dtype = next((name for name in names if name is not None), None)
    if dtype is None:
        text.missing.append("torch_dtype")
    elif str(dtype) not in _DTYPES:
        text.problems.append(f"torch_dtype={repr(dtype)[:60]} is not one of {', '.join(_DTYPES)}")
    return _DTYPES.get(str(dtype), "")


def _quantised_format(section: dict[str, Any], text: ConfigValues) -> str:
    method = section.get("quant_method")
    found = _QUANTISED.get(str(method), "") or _compressed_format(section)
    if not found:
        text.problems.append(
            f"quantization_config.quant_method={repr(method)[:60]} is not one of {', '.join(_QUANTISED)} or "
            "compressed-tensors of 4 or 8 bits; remove the section to describe the model in its 16-bit form"
        )
    return found


def _compressed_format(section: dict[str, Any]) -> str:
    """The format of a compressed-tensors section: type and bits of the weights of its first group."""
    groups = section.get("config_groups")
    group = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = group.get("weights") if isinstance(group, dict) else None
    key = (weights.get("type"), weights.get("num_bits")) if isinstance(weights, dict) else None
    return next((name for kind, name in _COMPRESSED.items() if kind == key), "")


def _vision(config: dict[str, Any], family: str, text: ConfigValues) -> tuple[Cells, str]:
    section = config.get("vision_config")
    if not isinstance(section, dict):
        return {}, ""
    if not family.startswith("gemma3"):
        return {}, "the vision tower is not counted"
    vision = ConfigValues(values=section, missing=[], problems=text.problems)
    num_params = siglip_params(vision, text.count("hidden_size"))
    text.missing.extend(f"vision_config.{key}" for key in vision.missing)
    return {"vision_params": num_params}, ""


def _raise_if_wrong(file: Path, values: ConfigValues) -> None:
    missing = list(dict.fromkeys(values.missing))
    problems = [f"{file}: {problem}" for problem in dict.fromkeys(values.problems)]
    if missing:
        problems.insert(0, f"{file}: missing {', '.join(missing)}; copy the model's whole config.json")
    raise_all(problems)


def _id(file: Path) -> str:
    name = file.resolve().parent.name if file.name == "config.json" else file.stem
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:100].strip("-") or "model"


def _hf_id(config: dict[str, Any]) -> str:
    name = config.get("_name_or_path")
    return name if isinstance(name, str) and re.fullmatch(r"[\w.-]{1,60}/[\w.-]{1,90}", name) else ""
