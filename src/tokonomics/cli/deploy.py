"""`tok plan --deploy`: print the commands or manifests of a plan, fresh or from its file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tokonomics.cli.output import OutputOptions, remark
from tokonomics.errors import InputError, raise_all

if TYPE_CHECKING:
    from tokonomics.planning.deploy_files import Target
    from tokonomics.policy.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])

_DEPLOY_HELP = "Print the commands or manifests of the self-hosted part; FILE may be a plan, which is not made again."
_WEIGHTS_HELP = "Weights of a model where not the published ones; may be repeated."


def deploy_options(command: F) -> F:
    """Add --deploy and --weights."""
    weights = click.option("--weights", multiple=True, metavar="MODEL=NAME", help=_WEIGHTS_HELP)
    deploy = click.option("--deploy", "target", type=click.Choice(("vllm", "k8s", "compose")), help=_DEPLOY_HELP)
    return deploy(weights(command))


def stored_plan(path: Path | None) -> "Plan | None":
    """The plan in `path`; None where it is no plan but a scenario, or nothing."""
    from tokonomics.policy.plan import PLAN_SCHEMA
    from tokonomics.policy.plan_file import read_plan
    from tokonomics.workload.scenario_file import read_scenario_file

    if path is None or path.suffix.lower() not in (".yaml", ".yml"):
        return None
    return read_plan(path) if read_scenario_file(path).raw.get("schema") == PLAN_SCHEMA else None


def write_deployment(plan: "Plan", target: "Target", weights: tuple[str, ...], output: OutputOptions) -> None:
    """Print what starts the self-hosted part of `plan`; a document for --json.

    Raises:    InputError where it cannot be started so, and for an output that is no text.
    """
    from dataclasses import asdict

    from tokonomics.catalog.load import load_catalog  # the catalogue and NumPy load only when asked
    from tokonomics.planning.deploy_files import deploy_text
    from tokonomics.planning.deploy_fleet import served_fleets
    from tokonomics.report.json import document, render_json

    if output.path is not None or output.fmt not in ("table", "json"):
        raise InputError("--deploy prints on stdout; lead it into a file with >, and leave --format out")
    catalog = load_catalog()
    say_other_catalogue(plan.catalogue_digest, catalog.digest, output)
    fleets = served_fleets(plan, catalog, _weights(weights))
    text = deploy_text(target, fleets)
    if output.fmt == "json":
        body = {"target": target, "text": text, "fleets": [asdict(one) for one in fleets]}
        text = render_json(document("deployment", body))
    sys.stdout.write(text)


def say_other_catalogue(plan_digest: str, digest: str, output: OutputOptions) -> None:
    """Remark where a plan was made with another catalogue than the one in use: its prices and parts may differ."""
    if not digest.startswith(plan_digest):
        now = digest[: len(plan_digest)]
        remark(
            f"the plan was made with catalogue {plan_digest[:12]}, this is {now[:12]}: plan again to compare", output
        )


def _weights(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, (model, _, name) in zip(texts, pairs, strict=True) if not model or not name]
    raise_all([f"--weights {text[:60]!r} is not MODEL=NAME; write it as llama-3.1-8b=OWNER/NAME" for text in wrong])
    return {model: name for model, _, name in pairs}
