"""The tensor operations of a computation, recorded once and replayed over the same memory.

PyTorch's dispatcher tells every operation below autograd, those of the gradients too. Kept with
their arguments and results they are a program: replayed, each writes where it wrote before, so that
the tensors given in and out stay the same objects with new values. What is between the operations
(autograd's bookkeeping, Python, making and freeing memory) falls away, and so does what no value
changes. The kernels are the same, so the gradients are, to the last bit; only the mean of a loss is
added up in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from aecore.internals.torch import (
    memory_of,
    onednn_is_faster,
    onednn_product,
    same_generator,
)
from aecore.training.operations import (
    BLANK,
    BY_NAME,
    CONSTANT,
    IN_PLACE,
    INTO,
    REFUSED,
    by_numbers,
    changed_by,
    writing_into,
)

_aten = torch.ops.aten


class NotReplayable(Exception):
    """A computation whose operations do not say all that it does; the text says which and why."""


class Program:
    """Operations in their order. results: what the recorded computation returned.

    What the computation used from outside (weights, a batch) has to be the same tensors at each
    replay, changed in place.
    """

    def __init__(self, steps: list[Callable[[], Any]], results: list[Tensor | None], size: int):
        self._steps, self.results, self.bytes = steps, results, size

    def replay(self) -> None:
        """Compute again; `results` have new values. To be called in inference mode."""
        for step in self._steps:
            step()


def record(
    compute: Callable[[], Sequence[Tensor | None]], generator: torch.Generator, most_bytes: int
) -> Program:
    """Run `compute`, which returns tensors, and keep its operations.

    generator: the only source of random numbers that it may use. Raises NotReplayable where an
    operation needs another, depends on values in Python, or all would keep more than `most_bytes`.
    """
    with _Recorder(generator) as recorder:
        results = list(compute())
    return _Assembly(recorder.calls).program(results, most_bytes)


class _Recorder(TorchDispatchMode):
    """Keeps every operation with its arguments and result, and thereby all tensors alive."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator
        self.calls: list[tuple[Any, tuple, dict[str, Any], Any]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if any(tag in func.tags for tag in REFUSED) and not by_numbers(func, args):
            raise NotReplayable(f"{func} depends on values")
        if torch.Tag.nondeterministic_seeded in func.tags and not any(
            same_generator(value, self.generator) for value in (*args, *kwargs.values())
        ):
            raise NotReplayable(f"{func} draws from another generator")
        result = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, result))
        return result


class _Assembly:
    """From recorded calls to steps. Each tensor is stood for by an alias without autograd."""

    def __init__(self, calls: list[tuple[Any, tuple, dict[str, Any], Any]]):
        self._calls = _sums_early(calls)
        self._constant = _constants(self._calls)  # memory that holds the same values at each replay
        self._aliases: dict[int, Tensor] = {}
        self._sharing: dict[int, list[Tensor]] = {}  # aliases by the memory that they look at
        self._turned: dict[int, Tensor] = {}  # the second factor of a product, transposed
        self._written_over: set[int] = set()  # memory that is another's since
        self._made: dict[int, int] = {}  # bytes of the memory that is the computation's own

    def program(self, results: list[Tensor | None], most_bytes: int) -> Program:
        for _, args, kwargs, result in self._calls:
            for tensor in _tensors((args, kwargs, result)):
                self._alias(tensor)
        if onednn_is_faster():
            for call in self._calls:
                self._turn(*call[:3])
        self._write_over(results)
        steps = [step for call in self._calls if (step := self._step(*call)) is not None]
        size = sum(size for m, size in self._made.items() if m not in self._written_over)
        if size > most_bytes:
            raise NotReplayable(f"it would keep {size / 1e6:.0f} MB")
        return Program(steps, [None if t is None else self._alias(t) for t in results], size)

    def _alias(self, tensor: Tensor) -> Tensor:
        if id(tensor) not in self._aliases:
            alias = self._aliases[id(tensor)] = tensor.detach()
            self._sharing.setdefault(memory_of(tensor), []).append(alias)
        return self._aliases[id(tensor)]

    def _turn(self, func, args: tuple, kwargs: dict[str, Any]) -> None:
        """Have a product's second factor ready as oneDNN takes it, before any step is made."""
        plain = func is _aten.addmm.default and not kwargs and args[0].ndim == 1
        if (plain or func is _aten.mm.default) and args[-1].dtype == torch.float32:
            factor = args[-1]
            if id(factor) not in self._turned:
                turned = self._turned[id(factor)] = self._alias(factor).t()
                self._sharing[memory_of(factor)].append(turned)

    def _write_over(self, results: list[Tensor | None]) -> None:
        """Have operations value by value write over what nobody reads after them: large batches are
        as slow as memory is."""
        last = {memory_of(t): n for n, call in enumerate(self._calls) for t in _tensors(call)}
        last |= {memory_of(t): len(self._calls) for t in results if t is not None}
        own: set[int] = set()
        for n, (func, args, kwargs, result) in enumerate(self._calls):
            given = [*_tensors((args, kwargs))]
            made = {memory_of(t) for t in _tensors(result)} - {memory_of(t) for t in given}
            if made and made <= self._constant:
                continue
            if not made or torch.Tag.pointwise not in func.tags or not isinstance(result, Tensor):
                own |= made
                continue
            for t in given if func in INTO or writing_into(func) is not None else []:
                twins = [g for g in given if memory_of(g) == memory_of(t)]
                dies = memory_of(t) in own and last[memory_of(t)] == n
                if dies and all(_layout(g) == _layout(result) for g in twins):
                    self._look_at(t, result)
                    break
            own |= made

    def _look_at(self, old: Tensor, new: Tensor) -> None:
        """Have the new tensor, and all that looks at its memory, in the old one's memory."""
        memory, shared = self._alias(old).untyped_storage(), self._sharing[memory_of(old)]
        for alias in self._sharing[memory_of(new)]:
            alias.set_(memory, alias.storage_offset(), alias.shape, alias.stride())
            shared.append(alias)
        self._sharing[memory_of(new)] = shared
        self._written_over.add(memory_of(new))

    def _with_aliases(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._alias(value)
        if isinstance(value, list | tuple):
            return type(value)(self._with_aliases(v) for v in value)
        return value

    def _step(self, func, args: tuple, kwargs: dict[str, Any], result) -> Callable[[], Any] | None:
        given = {memory_of(t) for t in _tensors((args, kwargs))}
        made = [t for t in _tensors(result) if memory_of(t) not in given]
        if not func._schema.is_mutable and not made:
            return None  # another look at the same memory, which stays true
        self._made |= {memory_of(t): t.untyped_storage().nbytes() for t in made}
        if func.overloadpacket.__name__ in BLANK or {memory_of(t) for t in made} & self._constant:
            return None
        arguments = self._with_aliases(args)
        named = {name: self._with_aliases(value) for name, value in kwargs.items()}
        if func in IN_PLACE and self._is_written_over(args, result):
            return partial(getattr(arguments[0], IN_PLACE[func]), *arguments[1:], **named)
        if func._schema.is_mutable and not made:
            return partial(func._op, *arguments, **named)
        alone = isinstance(result, Tensor)
        if func in (_aten.mm.default, _aten.addmm.default) and id(args[-1]) in self._turned:
            *bias, x, _ = arguments
            factor = self._turned[id(args[-1])]
            product = partial(onednn_product, x, factor, bias[0] if bias else None)
            return partial(self._anew([result]), product)
        if func is _aten.mean.default and len(args) == 1 and not kwargs and args[0].ndim == 1:
            # One product with shares in place of a sum and a division.
            shares = torch.full_like(arguments[0], 1 / max(args[0].numel(), 1))
            return partial(torch.dot, arguments[0], shares, out=self._alias(result))
        if alone and func in BY_NAME:
            return partial(BY_NAME[func], *arguments, **named, out=self._alias(result))
        if alone and func in INTO:
            return partial(INTO[func], *arguments, **named, out=self._alias(result))
        writing = None if func._schema.is_mutable else writing_into(func)
        results = [result] if alone else list(result)
        if writing is not None and all(isinstance(t, Tensor) for t in results):
            into, names = writing
            outs = {n: self._alias(t) for n, t in zip(names, results, strict=True)}
            return partial(into._op, *arguments, **named, **outs)
        return partial(self._anew(results), partial(func._op, *arguments, **named))

    def _is_written_over(self, args: tuple, result: Any) -> bool:
        """Whether a result is to be where the first of two arguments is, value by value."""
        given = args[0] if 0 < len(args) <= 2 else None
        if not isinstance(given, Tensor) or not isinstance(result, Tensor):
            return False
        one, other = self._alias(given), self._alias(result)
        return memory_of(one) == memory_of(other) and _layout(one) == _layout(other)

    def _anew(self, results: list) -> Callable[[Callable[[], Any]], None]:
        """For an operation that makes its own memory: who looked at the old looks at the new."""
        looking = [
            (place, [(a, a.storage_offset() - t.storage_offset(), a.shape, a.stride()) for a in of])
            for place, t in enumerate(results)
            if isinstance(t, Tensor) and (of := self._sharing[memory_of(t)])
        ]

        def call(compute: Callable[[], Any]) -> None:
            made = compute()
            made = made if isinstance(made, list | tuple) else (made,)
            for place, aliases in looking:
                new = made[place]
                memory, start = new.untyped_storage(), new.storage_offset()
                for alias, offset, shape, stride in aliases:
                    alias.set_(memory, start + offset, shape, stride)

        return call


def _sums_early(calls: list[tuple[Any, tuple, dict[str, Any], Any]]) -> list:
    """Each sum right behind what it sums: what was just written is still in the cache, which the
    products between would empty."""
    found: list[tuple[Any, tuple, dict[str, Any], Any]] = []
    for call in calls:
        place = len(found)
        if call[0] is _aten.sum.dim_IntList:
            source = memory_of(call[1][0])
            wrote = [n for n, other in enumerate(found) if source in _written_by(*other)]
            place = wrote[-1] + 1 if wrote else place
        found.insert(place, call)
    return found


def _written_by(func, args: tuple, kwargs: dict[str, Any], result) -> set[int]:
    """The memory that an operation makes or changes, as far as it returns it."""
    returned = {memory_of(t) for t in _tensors(result)}
    if func._schema.is_mutable:
        return returned
    return returned - {memory_of(t) for t in _tensors((args, kwargs))}


def _constants(calls: list[tuple[Any, tuple, dict[str, Any], Any]]) -> set[int]:
    """Memory whose values follow from no weight, example or drawn number: the gradient of a mean,
    say. It has them since the recording."""
    found: set[int] = set()
    changed: set[int] = set()
    for func, args, kwargs, result in calls:
        given = {memory_of(t) for t in _tensors((args, kwargs))}
        made = {memory_of(t) for t in _tensors(result)} - given
        if func._schema.is_mutable:
            changed |= {memory_of(t) for t in _tensors(changed_by(func, args, kwargs))}
        elif torch.Tag.nondeterministic_seeded not in func.tags:
            of_shapes = func.overloadpacket.__name__ in CONSTANT
            if of_shapes or (given and given <= found and given.isdisjoint(changed)):
                found |= made
    return found - changed


def _layout(tensor: Tensor) -> tuple:
    return tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
