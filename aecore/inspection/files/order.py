"""Operations in the order in which they can be computed, or the sentence that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Operation
from aecore.inspection.files.limits import MAX_OPERATIONS
from aecore.wording import short


def check_order(operations: Sequence[Operation]) -> None:
    """Raise CheckpointError where a value needs itself, or two operations make one value.

    Whoever follows values through operations that pass comes to an end.
    """
    if len(operations) > MAX_OPERATIONS:
        raise CheckpointError(
            f"The network has {len(operations):,} operations, and at most {MAX_OPERATIONS:,} are "
            "read; save the autoencoder alone."
        )
    makers = {op.output: op for op in operations}
    if len(makers) < len(operations) or "input" in makers:
        raise CheckpointError(
            "The file is damaged: two of its operations make the same value, and only one could be "
            "meant; export the model again."
        )
    needs = {op.output: [name for name in op.inputs if name in makers] for op in operations}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        raise circle(error.args[1][0]) from error


def circle(value: str) -> CheckpointError:
    """The sentence for a value that needs itself."""
    return CheckpointError(
        f"The network's operations go round in a circle (the value {short(value)!r} needs itself), "
        "so nothing can be computed; the file is damaged or a trap, so export the model again."
    )
