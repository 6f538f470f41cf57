"""Products of sparse rows with a kernel, compiled by Numba for the processor at hand.

Rows are compressed: row `r` has the columns `indices[starts[r] : starts[r + 1]]`, with 1 there or, if `values` is not
empty, with those. Loops over units are explicit vectors of `LANES` floats, which LLVM splits into what the processor
has. Each sum has a fixed order: four terms are added to each other, and then to the sum. No function checks an index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LANES = 16
ALIGNMENT = 64
"""What TensorFlow takes over as a tensor without a copy begins at a multiple of so many bytes."""


def _adder(lanes: int) -> Any:
    """The intrinsic `add(to, at, source, places, weights)` for vectors of `lanes`."""

    @intrinsic
    def add(context: Any, to: Any, at: Any, source: Any, places: Any, weights: Any) -> Any:
        """`to[at + l] += sum(weights[k] * source[places[k] + l])` for all lanes `l`; both arrays are flat."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = ir.VectorType(ir.FloatType(), lanes)

            def pointer(array: Any, kind: Any, place: Any) -> Any:
                data = context.make_array(kind)(context, builder, array).data
                return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())

            def load(address: Any) -> Any:
                loaded = builder.load(address)
                loaded.align = 4
                return loaded

            to, at, source, places, weights = arguments
            terms = []
            for k in range(signature.args[3].count):
                row = load(pointer(source, signature.args[2], builder.extract_value(places, k)))
                if not isinstance(signature.args[4], types.NoneType):
                    weight = builder.extract_value(weights, k)
                    wide = ir.Constant(vector, ir.Undefined)
                    for lane in range(lanes):
                        wide = builder.insert_element(wide, weight, ir.Constant(ir.IntType(32), lane))
                    row = builder.fmul(row, wide)
                terms.append(row)
            while len(terms) > 1:
                terms = [builder.fadd(*terms[k : k + 2]) for k in range(0, len(terms), 2)]
            address = pointer(to, signature.args[0], at)
            builder.store(builder.fadd(load(address), terms[0]), address).align = 4
            return context.get_dummy_value()

        return types.void(to, types.intp, source, places, weights), generate

    return add


_add, _add_one = _adder(LANES), _adder(1)


def _compiled(**options: Any) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        try:
            return njit(nogil=True, error_model="numpy", cache=True, **options)(function)
        except RuntimeError:  # no directory can be written to that would keep compiled code
            return njit(nogil=True, error_model="numpy", **options)(function)

    return decorate


@_compiled()
def _sums(  # type: ignore[no-untyped-def]
    out, at, source, units, indices, values, first, last
):
    """Adds to `out[at:at + units]` the rows of `source` that `indices[first:last]` name."""
    fours, whole = last - (last - first) % 4, units - units % LANES
    valued = len(values) > 0
    for j in range(first, fours, 4):
        a, b = np.intp(indices[j]) * units, np.intp(indices[j + 1]) * units
        c, d = np.intp(indices[j + 2]) * units, np.intp(indices[j + 3]) * units
        if valued:
            weights = (values[j], values[j + 1], values[j + 2], values[j + 3])
            for u in range(0, whole, LANES):
                _add(out, at + u, source, (a + u, b + u, c + u, d + u), weights)
            for u in range(whole, units):
                _add_one(out, at + u, source, (a + u, b + u, c + u, d + u), weights)
        else:
            for u in range(0, whole, LANES):
                _add(out, at + u, source, (a + u, b + u, c + u, d + u), None)
            for u in range(whole, units):
                _add_one(out, at + u, source, (a + u, b + u, c + u, d + u), None)
    for j in range(fours, last):
        a = np.intp(indices[j]) * units
        weight = values[j] if valued else np.float32(1)
        for u in range(0, whole, LANES):
            _add(out, at + u, source, (a + u,), (weight,))
        for u in range(whole, units):
            _add_one(out, at + u, source, (a + u,), (weight,))


@_compiled()
def _product(kernel, starts, indices, values, rows, out):  # type: ignore[no-untyped-def]
    units = kernel.shape[1]
    source, flat = kernel.reshape(-1), out.reshape(-1)
    flat[:] = 0
    for i in range(len(rows)):
        _sums(flat, i * units, source, units, indices, values, starts[rows[i]], starts[rows[i] + 1])


@_compiled()
def _gradient_by_row(gradient, starts, indices, values, rows, out):  # type: ignore[no-untyped-def]
    units = gradient.shape[1]
    source, flat = gradient.reshape(-1), out.reshape(-1)
    flat[:] = 0
    whole = units - units % LANES
    valued = len(values) > 0
    for i in range(len(rows)):
        here = i * units
        for j in range(starts[rows[i]], starts[rows[i] + 1]):
            to = np.intp(indices[j]) * units
            weight = values[j] if valued else np.float32(1)
            for u in range(0, whole, LANES):
                _add(flat, to + u, source, (here + u,), (weight,))
            for u in range(whole, units):
                _add_one(flat, to + u, source, (here + u,), (weight,))


@_compiled()
def _gradient_by_column(gradient, starts, indices, values, rows, out):  # type: ignore[no-untyped-def]
    columns, units = out.shape
    ends = np.zeros(columns + 1, np.int64)
    for row in rows:
        for j in range(starts[row], starts[row + 1]):
            ends[indices[j] + 1] += 1
    for column in range(columns):
        ends[column + 1] += ends[column]
    inside = np.empty(ends[columns], np.int32)
    weights = np.empty(ends[columns] if len(values) else 0, np.float32)
    for i in range(len(rows)):
        for j in range(starts[rows[i]], starts[rows[i] + 1]):
            place = ends[indices[j]]
            ends[indices[j]] = place + 1
            inside[place] = i
            if len(values):
                weights[place] = values[j]
    source, flat = gradient.reshape(-1), out.reshape(-1)
    flat[:] = 0
    first = 0
    for column in range(columns):
        _sums(flat, column * units, source, units, inside, weights, first, ends[column])
        first = ends[column]


@_compiled()
def _dense(starts, indices, values, rows, out):  # type: ignore[no-untyped-def]
    out[:] = 0
    for i in range(len(rows)):
        for j in range(starts[rows[i]], starts[rows[i] + 1]):
            out[i, indices[j]] = values[j] if len(values) else 1


def product(
    kernel: np.ndarray, starts: np.ndarray, indices: np.ndarray, values: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """The rows `rows` times `kernel`: float32 (rows, units)."""
    out = _empty(len(rows), kernel.shape[1])
    _product(kernel, starts, indices, values, rows, out)
    return out


def gradient_by_row(
    gradient: np.ndarray,
    starts: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """The transposed rows times `gradient` (rows, units): float32 (columns, units). If the result fits the cache."""
    out = _empty(int(columns), gradient.shape[1])
    _gradient_by_row(gradient, starts, indices, values, rows, out)
    return out


def gradient_by_column(
    gradient: np.ndarray,
    starts: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """As `gradient_by_row`, each row of the result written once. If the result is larger than the cache."""
    out = _empty(int(columns), gradient.shape[1])
    _gradient_by_column(gradient, starts, indices, values, rows, out)
    return out


def dense(
    starts: np.ndarray, indices: np.ndarray, values: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """The rows `rows` with all their zeros: float32 (rows, columns)."""
    out = _empty(len(rows), int(columns))
    _dense(starts, indices, values, rows, out)
    return out


def _empty(rows: int, units: int) -> np.ndarray:
    memory = np.empty(rows * units * 4 + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    return memory[begin : begin + rows * units * 4].view(np.float32).reshape(rows, units)
