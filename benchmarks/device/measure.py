"""What one accelerator really does under PyTorch: bandwidth, matrix rates, attention, launches; to one JSON file.

Run:  python measure.py -o device.json              one GPU, under 5 minutes
      python measure.py --device cpu --quick        the same code on a CPU, seconds
Then: tok calibrate --device device.json

Needs PyTorch and nothing else: copy this file to the machine. Times are medians of samples; a sample runs a cycle of
calls over operands that together exceed the cache four times, inside a CUDA graph where one can be captured. Keys
end in their unit. What could not be measured is listed under `not_measured` with the reason.
"""

import argparse
import itertools
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

try:
    import torch
    import torch.nn.functional as functional
except ImportError:
    sys.exit("measure.py needs PyTorch: pip install torch")

SCHEMA = "tokonomics/device/1"
CACHE_MULTIPLE = 4  # operands that one sample cycles through, in sizes of the last cache
MOST_COPIES = 64
MEMORY_SHARE_FRAC = 0.35  # of the free memory, for one measurement
MIN_SAMPLE_S = 1e-3  # event clocks resolve half a microsecond
MOST_CALLS = 256  # in one sample
SAMPLES = (5, 40)  # at least, at most
FAILURES = (RuntimeError, NotImplementedError, ValueError, TypeError, AttributeError, ImportError)
Call = Callable[[], object]
Point = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long: seconds a point and seconds in all."""

    point_s: float
    total_s: float
    copy_bytes: tuple[int, ...]
    dtypes: tuple[str, ...]
    matrices: tuple[tuple[int, int], ...]  # (in, out) features
    rows: tuple[int, ...]
    decode_batches: tuple[int, ...]
    decode_contexts: tuple[int, ...]
    kv_heads: tuple[int, ...]
    query_heads: int
    head_dim: int
    block_tokens: int
    prompts: tuple[int, ...]  # tokens of one prompt; as many prompts as fill the longest one


GPU = Plan(
    point_s=0.25, total_s=240.0, copy_bytes=(2**28, 2**29, 2**30), dtypes=("16bit", "fp8", "int8"),
    matrices=((4096, 14336), (8192, 28672)),
    rows=(1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192),
    decode_batches=(1, 8, 32, 128), decode_contexts=(1024, 4096, 16384), kv_heads=(1, 4, 8, 32), query_heads=32,
    head_dim=128, block_tokens=256, prompts=(1024, 2048, 4096, 8192, 16384),
)  # fmt: skip
GPU_QUICK = Plan(**{
    **GPU.__dict__, "point_s": 0.05, "total_s": 60.0, "rows": (1, 8, 32, 128, 256, 512, 1024, 4096),
    "decode_batches": (8, 64), "kv_heads": (1, 8), "matrices": ((8192, 28672),),
})  # fmt: skip
CPU = Plan(
    point_s=0.3, total_s=240.0, copy_bytes=(2**27, 2**28), dtypes=("fp32", "bf16", "int8"),
    matrices=((4096, 4096), (4096, 14336)), rows=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    decode_batches=(1, 4, 16), decode_contexts=(1024, 4096), kv_heads=(1, 4, 8), query_heads=8, head_dim=128,
    block_tokens=256, prompts=(512, 1024, 2048),
)  # fmt: skip
CPU_QUICK = Plan(
    point_s=0.05, total_s=30.0, copy_bytes=(2**26, 2**27), dtypes=("fp32",), matrices=((2048, 4096),),
    rows=(1, 2, 4, 8, 16, 32, 64, 128), decode_batches=(1, 4), decode_contexts=(1024, 4096), kv_heads=(2, 8),
    query_heads=8, head_dim=64, block_tokens=64, prompts=(256, 512, 1024),
)  # fmt: skip


class OutOfTime(Exception):
    """The plan's seconds are used up."""


@dataclass
class Session:
    """The device under test, the plan, the deadline, and what could not be measured."""

    device: torch.device
    plan: Plan
    deadline_s: float
    clock: Callable[[], float]
    not_measured: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def skip(self, what: str, reason: str) -> None:
        """Record, once, that `what` was not measured, and why."""
        entry = {"what": what, "reason": " ".join(reason.split())[:200] or "no reason given"}
        if entry not in self.not_measured:
            self.not_measured.append(entry)

    def points(self, what: str, jobs: Iterator[tuple[Point, Callable[[], list[Call]]]]) -> list[Point]:
        """Measure every job: its keys, and the calls that it prepares. A job that fails is recorded and passed."""
        found = []
        for keys, prepare in jobs:
            label = f"{what} {', '.join(f'{key}={value}' for key, value in keys.items())}"
            try:
                self.check_time()
                calls = prepare()
                found.append(keys | self.timing(calls))
            except OutOfTime:
                self.skip(what, f"the time budget of {self.plan.total_s:g} s was used up before all points")
                break
            except FAILURES as error:
                self.skip(label, f"{type(error).__name__}: {error}")
            calls = []
            self.free()
        return found

    def check_time(self) -> None:
        if self.clock() > self.deadline_s:
            raise OutOfTime

    def free(self) -> None:
        if self.is_cuda:
            torch.cuda.empty_cache()

    def timing(self, calls: Sequence[Call]) -> Point:
        """Median seconds of one call with the standard deviation of its logarithm over samples."""
        times = cuda_samples(calls, self.plan.point_s) if self.is_cuda else cpu_samples(calls, self.plan.point_s)
        logs = [math.log(one) for one in times]
        return {
            "time_s": statistics.median(times),
            "time_log_sd_ratio": statistics.stdev(logs),
            "num_samples": len(times),
        }

    def copies(self, num_bytes: int) -> int:
        """Operands of `num_bytes` that a sample must cycle through to miss the cache; fewer where memory is short."""
        wanted = math.ceil(CACHE_MULTIPLE * cache_bytes(self.device) / num_bytes)
        fitting = int(MEMORY_SHARE_FRAC * free_bytes(self.device) / num_bytes)
        if fitting < 1:
            raise RuntimeError(f"{num_bytes / 1e9:.2f} GB are too much for the free memory")
        return max(1, min(wanted, fitting, MOST_COPIES))


# ---- clocks ----------------------------------------------------------------------------------------------------------


def run_all(calls: Sequence[Call], repeats: int) -> None:
    for _ in range(repeats):
        for call in calls:
            call()


def num_samples(sample_s: float, point_s: float) -> int:
    return int(min(max(point_s / max(sample_s, 1e-9), SAMPLES[0]), SAMPLES[1]))


def num_repeats(cycle_s: float, num_calls: int) -> int:
    """Cycles in a sample: enough for the clock, not too many calls."""
    return max(1, min(math.ceil(MIN_SAMPLE_S / max(cycle_s, 1e-9)), MOST_CALLS // num_calls))


def cpu_samples(calls: Sequence[Call], point_s: float) -> list[float]:
    """Seconds a call, one figure a sample, by the wall clock."""

    def sample(repeats: int) -> float:
        start = time.perf_counter()
        run_all(calls, repeats)
        return time.perf_counter() - start

    sample(1)
    repeats = num_repeats(sample(1), len(calls))
    first = sample(repeats)
    times = [sample(repeats) for _ in range(num_samples(first, point_s))]
    return [one / (repeats * len(calls)) for one in times]


def cuda_samples(calls: Sequence[Call], point_s: float) -> list[float]:
    """Seconds a call, one figure a sample, by CUDA events around the replay of a graph (or around plain launches)."""
    run_all(calls, 1)
    cycle_s = event_s(lambda: run_all(calls, 1))
    repeats = num_repeats(cycle_s, len(calls))
    replay = captured(calls, repeats) or (lambda: run_all(calls, repeats))
    for _ in range(2):
        replay()
    count = num_samples(event_s(replay), point_s)
    return [event_s(replay) / (repeats * len(calls)) for _ in range(count)]


def event_s(run: Call) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def captured(calls: Sequence[Call], repeats: int) -> Call | None:
    """A CUDA graph of the calls, so that the host's launches cost nothing; None where one cannot be captured."""
    try:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            run_all(calls, 1)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run_all(calls, repeats)
        return graph.replay
    except RuntimeError:
        torch.cuda.synchronize()
        return None


# ---- what is measured ------------------------------------------------------------------------------------------------


def copy_points(session: Session) -> list[Point]:
    """Device-to-device copies; `moved_bytes` counts the read and the write."""

    def prepare(num_bytes: int) -> list[Call]:
        session.copies(2 * num_bytes)
        source = torch.zeros(num_bytes, dtype=torch.uint8, device=session.device)
        target = torch.empty_like(source)
        return [lambda: target.copy_(source)]

    sizes = session.plan.copy_bytes
    return session.points("copy", (({"moved_bytes": 2 * size}, partial(prepare, size)) for size in sizes))


def sixteen_bit(session: Session) -> str:
    """bf16 where the device multiplies it, else fp16."""
    if session.is_cuda and torch.version.hip is None and torch.cuda.get_device_capability(session.device) < (8, 0):
        return "fp16"
    return "bf16"


def weight_type(dtype: str) -> torch.dtype:
    names = {
        "fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "fp8": "float8_e4m3fn", "int8": "int8",
    }  # fmt: skip
    return getattr(torch, names[dtype])  # type: ignore[no-any-return]


def filled(shape: tuple[int, ...], dtype: str, device: torch.device) -> torch.Tensor:
    """Small random numbers, as weights are: zeros draw less power and run faster."""
    if dtype == "int8":
        return torch.randint(-64, 64, shape, dtype=torch.int8, device=device)
    wide = "bf16" if dtype == "fp8" else dtype
    values = torch.empty(shape, dtype=weight_type(wide), device=device).normal_(0.0, 0.05)
    return values.to(weight_type(dtype))


def multiply(dtype: str, rows: torch.Tensor, weights: torch.Tensor) -> Call:
    """The product of (rows, in) and the transpose of (out, in), as inference engines hold weights."""
    columns = weights.t()
    if dtype == "int8":
        return lambda: torch._int_mm(rows, columns)
    if dtype == "fp8":
        one = torch.ones((), device=rows.device)
        return lambda: torch._scaled_mm(rows, columns, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    return lambda: torch.mm(rows, columns)


def gemm_points(session: Session) -> list[Point]:
    """Matrix products by data type, size and rows."""
    found = []
    for name in session.plan.dtypes:
        dtype = sixteen_bit(session) if name == "16bit" else name
        if reason := no_gemm(session, dtype):
            session.skip(f"gemm {dtype}", reason)
            continue
        for matrix in session.plan.matrices:
            found += session.points("gemm", gemm_jobs(session, dtype, matrix))
    return found


def no_gemm(session: Session, dtype: str) -> str:
    """Why a data type is not multiplied on this device; empty where it is."""
    if dtype != "fp8" or not session.is_cuda or torch.version.hip is not None:
        return ""
    capability = torch.cuda.get_device_capability(session.device)
    return "" if capability >= (8, 9) else f"needs capability 8.9; this device has {capability[0]}.{capability[1]}"


def gemm_jobs(
    session: Session, dtype: str, matrix: tuple[int, int]
) -> Iterator[tuple[Point, Callable[[], list[Call]]]]:
    """One job a count of rows, all over the same weights, which are made when the first one runs."""
    wide, tall = matrix
    weight_bytes = wide * tall * weight_type(dtype).itemsize
    weights: list[torch.Tensor] = []

    def prepare(rows: int) -> list[Call]:
        if not weights:
            first = filled((tall, wide), dtype, session.device)
            weights.extend([first, *(first.clone() for _ in range(session.copies(weight_bytes) - 1))])
        activations = filled((rows, wide), dtype, session.device)
        return [multiply(dtype, activations, one) for one in weights]

    keys = {"dtype": dtype, "num_in_features": wide, "num_out_features": tall, "weight_bytes": weight_bytes}
    for rows in session.plan.rows:
        if dtype == "int8" and session.is_cuda and rows <= 16:
            session.skip(f"gemm int8 of {rows} rows", "torch._int_mm takes 17 rows and more on CUDA")
            continue
        yield {**keys, "num_rows": rows}, partial(prepare, rows)


@dataclass(frozen=True)
class Cache:
    """A paged KV cache: (blocks, tokens a block, heads, dim) for keys and values, and which blocks are whose."""

    keys: torch.Tensor
    values: torch.Tensor
    table: torch.Tensor  # (batch, blocks of a sequence)


def paged_cache(session: Session, batch: int, context: int, heads: int) -> Cache:
    """A cache of `batch` sequences whose blocks lie in a random order, as in a server that has run for a while."""
    plan = session.plan
    num_blocks = batch * (context // plan.block_tokens)
    shape = (num_blocks, plan.block_tokens, heads, plan.head_dim)
    dtype = attention_dtype(session)
    keys = filled(shape, dtype, session.device)
    order = torch.randperm(num_blocks).to(session.device).reshape(batch, -1)
    return Cache(keys, keys.clone(), order)


def attention_dtype(session: Session) -> str:
    return sixteen_bit(session) if session.is_cuda else "fp32"


def query(session: Session, batch: int) -> torch.Tensor:
    return filled((batch, session.plan.query_heads, session.plan.head_dim), attention_dtype(session), session.device)


def grouped(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Queries that share a KV head become rows of one small product: (batch, KV heads, group, dim)."""
    return rows.reshape(rows.shape[0], heads, -1, rows.shape[-1])


def contiguous_decode(rows: torch.Tensor, cache: Cache) -> Call:
    """Attention over a cache that lies in order: no paging, the least a kernel can do."""
    batch, heads = rows.shape[0], cache.keys.shape[2]
    keys, values = (
        part.reshape(batch, -1, heads, part.shape[-1]).transpose(1, 2).contiguous()
        for part in (cache.keys, cache.values)
    )
    queries = grouped(rows, heads)
    return lambda: functional.scaled_dot_product_attention(queries, keys, values)


def gathered_decode(rows: torch.Tensor, cache: Cache) -> Call:
    """Attention over blocks that are first gathered into one piece; the gathering is part of the time."""
    batch, heads = rows.shape[0], cache.keys.shape[2]
    queries, order = grouped(rows, heads), cache.table.reshape(-1)

    def in_order(part: torch.Tensor) -> torch.Tensor:
        return part.index_select(0, order).reshape(batch, -1, heads, part.shape[-1]).transpose(1, 2)

    return lambda: functional.scaled_dot_product_attention(queries, in_order(cache.keys), in_order(cache.values))


def paged_decode(rows: torch.Tensor, cache: Cache) -> Call:
    """Attention that follows the block table itself, as inference engines do (PyTorch's variable-length kernel)."""
    from torch.nn.attention.varlen import varlen_attn  # newer PyTorch only

    batch, context = rows.shape[0], cache.table.shape[1] * cache.keys.shape[1]
    starts = torch.arange(batch + 1, dtype=torch.int32, device=rows.device)
    lengths = torch.full((batch,), context, dtype=torch.int32, device=rows.device)
    paging = {"enable_gqa": True, "seqused_k": lengths, "block_table": cache.table.to(torch.int32)}

    def call(starts_k: torch.Tensor | None) -> object:
        return varlen_attn(rows, cache.keys, cache.values, starts, starts_k, 1, context, **paging)

    try:  # some backends want the starts of the keys, others refuse them beside a block table
        call(None)
        return partial(call, None)
    except FAILURES:
        return partial(call, starts * context)


DECODE_KERNELS = {
    "varlen_attn-paged": paged_decode,
    "sdpa-gathered": gathered_decode,
    "sdpa-contiguous": contiguous_decode,
}


def no_paged(session: Session) -> str:
    """Why the kernel that follows a block table cannot be used; empty where it gives what the gathered one gives."""
    if not session.is_cuda:
        return "the kernel exists on CUDA devices only"
    plan = session.plan
    cache, rows = paged_cache(session, 4, 2 * plan.block_tokens, min(plan.kv_heads)), query(session, 4)
    try:
        found, expected = (build(rows, cache)().reshape(-1).float() for build in (paged_decode, gathered_decode))
    except FAILURES as error:
        return f"{type(error).__name__}: {error}"
    same = torch.allclose(found, expected, rtol=0.05, atol=0.05 * float(expected.abs().max()))
    return "" if same else "the kernel does not give what attention over the gathered blocks gives"


def decode_points(session: Session) -> list[Point]:
    """One token a sequence against its cache, by batch, context, KV heads and kernel."""
    found = []
    for kernel, build in DECODE_KERNELS.items():
        if kernel == "varlen_attn-paged" and (reason := no_paged(session)):
            session.skip(f"decode_attention {kernel}", reason)
            continue
        found += session.points("decode_attention", decode_jobs(session, kernel, build))
    return found


def decode_jobs(
    session: Session, kernel: str, build: Callable[[torch.Tensor, Cache], Call]
) -> Iterator[tuple[Point, Callable[[], list[Call]]]]:
    """Every batch, context and number of KV heads, with its bytes of cache."""
    plan = session.plan
    dtype = attention_dtype(session)

    def prepare(batch: int, context: int, heads: int, cache_size: int) -> list[Call]:
        copies = session.copies(3 * cache_size)
        rows, first = query(session, batch), paged_cache(session, batch, context, heads)
        others = (Cache(first.keys.clone(), first.values.clone(), first.table) for _ in range(copies - 1))
        return [build(rows, one) for one in (first, *others)]

    for heads, batch, context in itertools.product(plan.kv_heads, plan.decode_batches, plan.decode_contexts):
        size = 2 * batch * context * heads * plan.head_dim * weight_type(dtype).itemsize
        keys: Point = {
            "kernel": kernel,
            "dtype": dtype,
            "num_sequences": batch,
            "context_tokens": context,
            "num_kv_heads": heads,
            "num_query_heads": plan.query_heads,
            "head_dim": plan.head_dim,
            "block_tokens": plan.block_tokens,
            "cache_bytes": size,
        }
        yield keys, partial(prepare, batch, context, heads, size)


def prefill_points(session: Session) -> list[Point]:
    """Causal attention of whole prompts, as many as fill the longest one."""
    plan, dtype = session.plan, attention_dtype(session)

    def prepare(batch: int, tokens: int) -> list[Call]:
        shape = (batch, plan.query_heads, tokens, plan.head_dim)
        parts = [filled(shape, dtype, session.device) for _ in range(3)]
        return [lambda: functional.scaled_dot_product_attention(*parts, is_causal=True)]

    def jobs() -> Iterator[tuple[Point, Callable[[], list[Call]]]]:
        for tokens in plan.prompts:
            batch = max(plan.prompts) // tokens
            yield {
                "kernel": "sdpa-causal", "dtype": dtype, "num_sequences": batch, "input_tokens": tokens,
                "num_query_heads": plan.query_heads, "num_kv_heads": plan.query_heads, "head_dim": plan.head_dim,
            }, partial(prepare, batch, tokens)  # fmt: skip

    return session.points("prefill_attention", jobs())


def launch_points(session: Session) -> list[Point]:
    """Seconds that the smallest operation takes: launched by the host one by one, and inside a CUDA graph."""
    cell = torch.zeros(1, device=session.device)

    def eager() -> float:
        num_calls = 500
        start = time.perf_counter()
        run_all([lambda: cell.add_(1.0)], num_calls)
        if session.is_cuda:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / num_calls

    eager()
    times = [eager() for _ in range(SAMPLES[0] * 2)]
    spread = statistics.stdev(math.log(one) for one in times)
    found: list[Point] = [
        {"kind": "eager", "time_s": statistics.median(times), "time_log_sd_ratio": spread, "num_samples": len(times)}
    ]
    if session.is_cuda:
        found += session.points("launch", iter([({"kind": "graph"}, lambda: [lambda: cell.add_(1.0)])]))
    return found


# ---- the device and the file -----------------------------------------------------------------------------------------


def cache_bytes(device: torch.device) -> int:
    """Size of the last cache before memory; 32 MiB where it is not known."""
    if device.type == "cuda":
        return int(getattr(torch.cuda.get_device_properties(device), "L2_cache_size", 0)) or 2**25
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index3/size").read_text().strip()
        return int(text.removesuffix("K")) * 1024
    except (OSError, ValueError):
        return 2**25


def free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**31


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown CPU"


def device_facts(device: torch.device) -> Point:
    """Name, capability and memory of the device; what does not apply is null."""
    if device.type == "cuda":
        part = torch.cuda.get_device_properties(device)
        capability = f"{part.major}.{part.minor}"
        facts: Point = {"device_name": part.name, "capability": capability, "memory_bytes": part.total_memory}
    else:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None
        facts = {"device_name": cpu_name(), "capability": None, "memory_bytes": pages}
    return {"device_kind": device.type, **facts, "cache_bytes": cache_bytes(device)}


def measurement(session: Session, *, day: str, quick: bool) -> Point:
    """Measure everything and return the document."""
    begin = session.clock()
    for what, reason in (
        ("all_reduce", "needs several devices; this script measures one"),
        ("gemm fp4", "PyTorch has no stable operator for it"),
    ):
        session.skip(what, reason)
    parts = {
        "launch": launch_points, "copy": copy_points, "prefill_attention": prefill_points,
        "decode_attention": decode_points, "gemm": gemm_points,
    }  # fmt: skip
    points: dict[str, list[Point]] = {}
    for name, measure in parts.items():
        points[name] = measure(session)
        print(f"{name}: {len(points[name])} points, {session.clock() - begin:.0f} s", file=sys.stderr)
    return {
        "schema": SCHEMA,
        **device_facts(session.device),
        "torch_version": str(torch.__version__),
        "cuda_version": torch.version.cuda,
        "num_threads": torch.get_num_threads(),
        "measured_on": day,
        "quick": quick,
        "elapsed_s": session.clock() - begin,
        "note": "PyTorch's own kernels; an inference engine has others",
        **points,
        "not_measured": session.not_measured,
    }


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure one accelerator under PyTorch, to one JSON file.")
    parser.add_argument("-o", "--output", type=Path, default=Path("device.json"), help="the file to write")
    parser.add_argument("--device", help="cuda, cuda:1 or cpu; the first GPU when left out, else the CPU")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter points")
    parser.add_argument(
        "--date", type=date.fromisoformat, help="day of the measurement, YYYY-MM-DD; today's when left out"
    )
    parser.add_argument("--budget-s", type=float, help="seconds after which no further point is begun")
    parser.add_argument("--threads", type=int, help="threads on a CPU; one each core when left out")
    chosen = parser.parse_args(words)
    if chosen.budget_s is not None and not 0.0 < chosen.budget_s < math.inf:
        parser.error(f"--budget-s {chosen.budget_s:g} must be above 0")
    if chosen.threads is not None and chosen.threads < 1:
        parser.error(f"--threads {chosen.threads} must be at least 1")
    chosen.device = chosen_device(chosen.device, parser)
    return chosen


def chosen_device(name: str | None, parser: argparse.ArgumentParser) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        parser.error(f"--device {name} is no device; use cuda, cuda:0 or cpu")
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("this PyTorch sees no GPU; install a CUDA build, or use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        parser.error(f"--device {name}: there are {torch.cuda.device_count()} GPUs")
    if device.type not in ("cuda", "cpu"):
        parser.error(f"--device {name} is not measured; use cuda or cpu")
    return device


def chosen_plan(device: torch.device, quick: bool) -> Plan:
    if device.type == "cuda":
        return GPU_QUICK if quick else GPU
    return CPU_QUICK if quick else CPU


@torch.inference_mode()
def main(words: Sequence[str] | None = None) -> int:
    """Measure, write the file, and say where it is."""
    chosen = arguments(words)
    if chosen.device.type == "cuda":
        torch.cuda.set_device(chosen.device)
    if chosen.threads is not None:
        torch.set_num_threads(chosen.threads)
    plan = chosen_plan(chosen.device, chosen.quick)
    if chosen.budget_s is not None:
        plan = Plan(**{**plan.__dict__, "total_s": chosen.budget_s})
    session = Session(chosen.device, plan, time.monotonic() + plan.total_s, time.monotonic)
    content = measurement(session, day=(chosen.date or date.today()).isoformat(), quick=chosen.quick)
    try:
        chosen.output.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        sys.exit(f"cannot write {chosen.output}: {error.strerror}")
    print(f"wrote {chosen.output} in {content['elapsed_s']:.0f} s; next: tok calibrate --device {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
