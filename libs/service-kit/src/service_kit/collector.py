"""Python's cyclic collector, set for a process that serves.

By default it looks through everything that is there after every 700 new objects, 11 times 10 of
them: a fifth of a second now and then, and a tenth of the CPU of a small request. Requests leave
hardly any cycles; most of what is there was imported and stays.
"""

from __future__ import annotations

import gc

# Objects before a look at the young, looks before one at the middle-aged, and before one at all.
THRESHOLDS = (5_000, 10, 20)


def settle() -> None:
    """Call it when the process is put together, before it serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
