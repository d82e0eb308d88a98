"""Which input did it: the changed inputs are switched one after another, and the question is asked again each time.

The changes along the path add up, whatever the order; what is laid at the door of one input depends on the order, which
is why it is stated and each input is also switched alone. An input that cannot move by itself (a preset without a load,
a model that no named accelerator holds) moves together with the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokonomics.errors import TokonomicsError
from tokonomics.planning.inputs_changed import Inputs, changed_keys, in_order, inputs_of, switched
from tokonomics.planning.outcome import Outcome
from tokonomics.workload.scenario import Scenario

Ask = Callable[[Scenario], Outcome]
"""Answers a scenario; TokonomicsError where it cannot be answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Inputs switched together, what they were and became, the outcome from then on, and that of them alone.

    `alone` is None where they cannot be switched by themselves at the start of the path.
    """

    keys: tuple[str, ...]
    before: str
    after: str
    outcome: Outcome
    alone: Outcome | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """The way from one scenario to the other: the outcome at its start, and every step of it."""

    start: Outcome
    steps: tuple[Step, ...]

    @property
    def end(self) -> Outcome:
        """The outcome where all inputs are switched."""
        return self.steps[-1].outcome if self.steps else self.start


def walk(before: Scenario, after: Scenario, ask: Ask, *, first: Sequence[str] = ()) -> Path:
    """Switch the inputs of `before` to those of `after`, in the order of the scenario, those of `first` before all.

    Raises:    what `ask` raises at the two ends; UnknownName for a `first` that did not change.
    """
    start, end = inputs_of(before), inputs_of(after)
    keys = in_order(changed_keys(start, end), first)
    began = ask(before)
    steps: list[Step] = []
    done: list[str] = []
    held: list[str] = []
    for number, key in enumerate(keys):
        held.append(key)
        is_last = number == len(keys) - 1
        outcome = ask(after) if is_last else _tried(start, end, [*done, *held], ask)
        if outcome is not None:
            alone = outcome if not done else _tried(start, end, held, ask)
            steps.append(_step(held, start, end, outcome, alone))
            done, held = [*done, *held], []
    return Path(start=began, steps=tuple(steps))


def _tried(start: Inputs, end: Inputs, keys: Sequence[str], ask: Ask) -> Outcome | None:
    """The outcome with `keys` switched; None where the mixture is no scenario, or nobody can serve it."""
    try:
        return ask(switched(start, end, keys))
    except TokonomicsError:
        return None


def _step(keys: Sequence[str], start: Inputs, end: Inputs, outcome: Outcome, alone: Outcome | None) -> Step:
    return Step(
        keys=tuple(keys),
        before=", ".join(_shown(start.get(key)) for key in keys),
        after=", ".join(_shown(end.get(key)) for key in keys),
        outcome=outcome,
        alone=alone,
    )


def _shown(value: object) -> str:
    """A value of a scenario as people write it."""
    if value in (None, "", []):
        return "not given"
    if isinstance(value, list):
        return "+".join(_shown(one) for one in value)
    if isinstance(value, dict):
        return " ".join(f"{key}={_shown(one)}" for key, one in value.items() if one is not None)
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
