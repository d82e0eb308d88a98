"""The bundle tax: instances are rented as boxes of accelerators, and the idle ones in a box are paid for.

The packing rule: replicas may share a box; a replica larger than a box takes whole boxes to itself, and only
where the size of the box divides it, because tensor parallelism across uneven boxes is no deployment.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import Infeasible, InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A rentable instance: its name, how many accelerators it holds, and its price as a whole."""

    name: str
    num_gpus: int
    usd_per_hour: float

    def __post_init__(self) -> None:
        Checks().count(1, num_gpus=self.num_gpus).positive(usd_per_hour=self.usd_per_hour).done()


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleTax:
    """What is billed against what is used, for replicas packed in boxes.

    `list_usd_per_hour` is the price of a billed accelerator, `effective_usd_per_hour` that of a used one;
    `waste_usd_per_hour` pays for the idle ones and `tax_ratio` is billed over used (1: no tax).
    """

    box: Box
    num_boxes: int
    num_billed_gpus: int
    num_used_gpus: int
    num_idle_gpus: int
    total_usd_per_hour: float
    list_usd_per_hour: float
    effective_usd_per_hour: float
    waste_usd_per_hour: float
    tax_ratio: float


def num_boxes(*, num_replicas: int, gpus_per_replica: int, gpus_per_box: int) -> int:
    """How many boxes hold the replicas under the packing rule of this module.

    Raises: Infeasible where a replica is larger than a box and no whole number of boxes.

    >>> num_boxes(num_replicas=3, gpus_per_replica=3, gpus_per_box=8)
    2
    """
    checks = Checks().count(0, num_replicas=num_replicas)
    checks.count(1, gpus_per_replica=gpus_per_replica, gpus_per_box=gpus_per_box).done()
    if gpus_per_replica > gpus_per_box:
        return num_replicas * _boxes_per_replica(gpus_per_replica, gpus_per_box)
    return -(-num_replicas // (gpus_per_box // gpus_per_replica))


def bundle_tax(box: Box, *, num_replicas: int, gpus_per_replica: int) -> BundleTax:
    """The price of a used accelerator when only whole boxes can be rented.

    Source: the article, section 2: two of the eight accelerators of a p5.48xlarge.

    >>> p5 = Box(name="p5.48xlarge", num_gpus=8, usd_per_hour=98.32)
    >>> tax = bundle_tax(p5, num_replicas=1, gpus_per_replica=2)
    >>> tax.effective_usd_per_hour, tax.num_idle_gpus, tax.tax_ratio
    (49.16, 6, 4.0)
    """
    Checks().count(1, num_replicas=num_replicas).done()
    boxes = num_boxes(num_replicas=num_replicas, gpus_per_replica=gpus_per_replica, gpus_per_box=box.num_gpus)
    used, billed = num_replicas * gpus_per_replica, boxes * box.num_gpus
    list_usd_per_hour = box.usd_per_hour / box.num_gpus
    total_usd_per_hour = boxes * box.usd_per_hour
    return BundleTax(
        box=box,
        num_boxes=boxes,
        num_billed_gpus=billed,
        num_used_gpus=used,
        num_idle_gpus=billed - used,
        total_usd_per_hour=total_usd_per_hour,
        list_usd_per_hour=list_usd_per_hour,
        effective_usd_per_hour=total_usd_per_hour / used,
        waste_usd_per_hour=(billed - used) * list_usd_per_hour,
        tax_ratio=billed / used,
    )


def cheapest_boxes(boxes: Iterable[Box], *, num_replicas: int, gpus_per_replica: int) -> tuple[BundleTax, ...]:
    """Every box that can hold the replicas, the cheapest total first (ties by name).

    Raises: InputError when no box is offered; Infeasible when none can hold a replica.
    """
    offered = tuple(boxes)
    if not offered:
        raise InputError("no box is offered; give at least one instance with a price")
    fitting = [box for box in offered if _can_hold(box, gpus_per_replica)]
    if not fitting:
        sizes = ", ".join(sorted({str(box.num_gpus) for box in offered}, key=int))
        raise Infeasible(
            f"no box can hold a replica: gpus_per_replica={gpus_per_replica}; boxes hold {sizes}; "
            "choose a replica that divides into boxes, or another instance"
        )
    taxes = [bundle_tax(box, num_replicas=num_replicas, gpus_per_replica=gpus_per_replica) for box in fitting]
    return tuple(sorted(taxes, key=lambda tax: (tax.total_usd_per_hour, tax.box.name)))


def _can_hold(box: Box, gpus_per_replica: int) -> bool:
    return gpus_per_replica <= box.num_gpus or gpus_per_replica % box.num_gpus == 0


def _boxes_per_replica(gpus_per_replica: int, gpus_per_box: int) -> int:
    if gpus_per_replica % gpus_per_box:
        raise Infeasible(
            f"a replica does not divide into boxes: gpus_per_replica={gpus_per_replica}; "
            f"gpus_per_box={gpus_per_box}; choose a multiple of {gpus_per_box} or a larger box"
        )
    return gpus_per_replica // gpus_per_box
