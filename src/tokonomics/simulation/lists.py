"""The lists a replica keeps, all without objects: the finish heap, the running list and the waiting queues."""

from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.state import NONE, NUM_LEVELS, Floats, Ints, Row, Rows


@compiled
def heap_push(heap: Ints, size: int, key: int) -> None:
    """Add `key` to the heap that fills heap[:size]."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if heap[parent] <= key:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = key


@compiled
def heap_remove(heap: Ints, size: int, at: int) -> None:
    """Take entry `at` out of heap[:size], which is heap[:size - 1] afterwards."""
    key, size = heap[size - 1], size - 1
    if at == size:
        return
    while at > 0 and heap[(at - 1) >> 1] > key:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    child = 2 * at + 1
    while child < size:
        if child + 1 < size:
            child += int(heap[child + 1] < heap[child])  # a sum, not a branch: nobody could guess it
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = key


@compiled
def transfer_push(times_s: Floats, indices: Ints, size: int, time_s: float, index: int) -> None:
    """Add request `index`, due at `time_s`, to the heap of transfers of `size` entries; ties go by request."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if times_s[parent] < time_s or (times_s[parent] == time_s and indices[parent] < index):
            break
        times_s[at], indices[at] = times_s[parent], indices[parent]
        at = parent
    times_s[at], indices[at] = time_s, index


@compiled
def transfer_pop(times_s: Floats, indices: Ints, size: int) -> int:
    """Take the request that is due first out of the heap of transfers of `size` entries."""
    top: int = indices[0]
    time_s, index, at = times_s[size - 1], indices[size - 1], 0
    while 2 * at + 1 < size - 1:
        child = 2 * at + 1
        if child + 1 < size - 1 and (
            times_s[child + 1] < times_s[child]
            or (times_s[child + 1] == times_s[child] and indices[child + 1] < indices[child])
        ):
            child += 1
        if time_s < times_s[child] or (time_s == times_s[child] and index < indices[child]):
            break
        times_s[at], indices[at] = times_s[child], indices[child]
        at = child
    times_s[at], indices[at] = time_s, index
    return top


@compiled
def batch_append(replica: Row, requests: Rows, index: int) -> None:
    """Make request `index` the youngest of the running ones."""
    requests[index].prev = replica.youngest
    requests[index].next = NONE
    if replica.youngest != NONE:
        requests[replica.youngest].next = index
    replica.youngest = index
    replica.num_running += 1


@compiled
def batch_remove(replica: Row, requests: Rows, index: int) -> None:
    """Take request `index` out of the running ones."""
    before, after = requests[index].prev, requests[index].next
    if before != NONE:
        requests[before].next = after
    if after != NONE:
        requests[after].prev = before
    else:
        replica.youngest = before
    replica.num_running -= 1


@compiled
def queue_append(replica: Row, first: Ints, last: Ints, requests: Rows, index: int, level: int) -> None:
    """Put request `index` behind all that wait on its level."""
    requests[index].next = NONE
    if first[level] == NONE:
        first[level] = index
    else:
        requests[last[level]].next = index
    last[level] = index
    replica.num_queued += 1


@compiled
def queue_prepend(replica: Row, first: Ints, last: Ints, requests: Rows, index: int, level: int) -> None:
    """Put request `index` before all that wait on its level."""
    requests[index].next = first[level]
    if first[level] == NONE:
        last[level] = index
    first[level] = index
    replica.num_queued += 1


@compiled
def queue_level(replica: Row, first: Ints) -> int:
    """Most urgent level on which something waits; NONE when nothing does."""
    if replica.num_queued == 0:
        return NONE
    for level in range(NUM_LEVELS):
        if first[level] != NONE:
            return level
    return NONE


@compiled
def queue_pop(replica: Row, first: Ints, requests: Rows, level: int) -> None:
    """Take the first request of `level` out of the queue."""
    first[level] = requests[first[level]].next
    replica.num_queued -= 1
