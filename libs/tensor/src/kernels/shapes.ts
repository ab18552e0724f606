// Operators that move numbers without changing them.
import { kernel, type KernelCall } from './kernel.ts';
import { sizeOf, type Value } from '../graph.ts';
import { type TraceBackend } from '../trace-backend.ts';

/** Replaces the −1 of a shape by what is left. */
function resolved(shape: readonly number[], size: number): number[] {
  const known = shape
    .filter((dimension) => dimension !== -1)
    .reduce((product, dimension) => product * dimension, 1);
  return shape.map((dimension) => (dimension === -1 ? size / known : dimension));
}

function reshape(
  { backend, input }: KernelCall,
  name: string,
  shape: number[],
): ReturnType<TraceBackend['tensor']> {
  const x = input(name);
  if (x.stored.shape.length === 0) return backend.tensor(x.stored, shape);
  const full = backend.materialise(x);
  return backend.tensor(backend.one('Reshape', [full, backend.int64s(shape)], { dtype: full.dtype, shape }));
}

kernel('Reshape', (call) =>
  reshape(call, 'x', resolved(call.numbers('shape'), sizeOf(call.input('x').shape))),
);

kernel('ExpandDims', (call) => {
  const shape = [...call.input('input').shape];
  const dim = call.number('dim');
  shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
  return reshape(call, 'input', shape);
});

kernel('Transpose', ({ backend, full, numbers }) => {
  const x = full('x');
  const permutation = numbers('perm');
  const shape = permutation.map((axis) => x.shape[axis] ?? 1);
  return backend.tensor(
    backend.one('Transpose', [x], { dtype: x.dtype, shape }, { perm: { ints: permutation } }),
  );
});

kernel('Concat', ({ backend, list, number }) => {
  const parts = list()
    .map((part) => backend.materialise(part))
    .filter((part) => sizeOf(part.shape) > 0);
  const [first] = parts;
  if (!first) throw new RangeError('Concat needs at least one non-empty part');
  const axis = number('axis') < 0 ? number('axis') + first.shape.length : number('axis');
  const length = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
  const shape = first.shape.with(axis, length);
  return backend.tensor(backend.one('Concat', parts, { dtype: first.dtype, shape }, { axis: { int: axis } }));
});

kernel('Pack', ({ backend, list, number }) => {
  const axis = number('axis');
  const parts = list().map((part): Value => {
    const full = backend.materialise(part);
    const shape = full.shape.toSpliced(axis, 0, 1);
    return backend.one('Reshape', [full, backend.int64s(shape)], { dtype: full.dtype, shape });
  });
  const [first] = parts;
  if (!first) throw new RangeError('Pack needs at least one part');
  return backend.tensor(
    backend.one(
      'Concat',
      parts,
      { dtype: first.dtype, shape: first.shape.with(axis, parts.length) },
      { axis: { int: axis } },
    ),
  );
});

function slice(backend: TraceBackend, x: Value, begin: readonly number[], size: readonly number[]): Value {
  const shape = size.map((length, axis) =>
    length === -1 ? (x.shape[axis] ?? 0) - (begin[axis] ?? 0) : length,
  );
  if (shape.every((length, axis) => length === x.shape[axis])) return x;
  const axes = shape.map((_, axis) => axis).filter((axis) => shape[axis] !== x.shape[axis]);
  const starts = axes.map((axis) => begin[axis] ?? 0);
  const ends = axes.map((axis) => (begin[axis] ?? 0) + (shape[axis] ?? 0));
  return backend.one('Slice', [x, backend.int64s(starts), backend.int64s(ends), backend.int64s(axes)], {
    dtype: x.dtype,
    shape,
  });
}

kernel('Slice', ({ backend, full, numbers }) =>
  backend.tensor(slice(backend, full('x'), numbers('begin'), numbers('size'))),
);

kernel('SplitV', ({ backend, full, numbers, number }) => {
  const x = full('x');
  const axis = number('axis');
  let start = 0;
  return numbers('numOrSizeSplits').map((length) => {
    const begin = x.shape.map((_, index) => (index === axis ? start : 0));
    start += length;
    return backend.tensor(slice(backend, x, begin, x.shape.with(axis, length)));
  });
});

kernel('PadV2', ({ backend, full, attribute, number }) => {
  const x = full('x');
  const given: unknown = attribute('paddings');
  if (!Array.isArray(given)) throw new TypeError('Kernel PadV2 needs paddings');
  const paddings = given.map((pair: unknown) => (Array.isArray(pair) ? pair.map(Number) : [0, 0]));
  const shape = x.shape.map(
    (length, axis) => length + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0),
  );
  const pads = backend.int64s([
    ...paddings.map(([before]) => before ?? 0),
    ...paddings.map(([, after]) => after ?? 0),
  ]);
  return backend.tensor(
    backend.one('Pad', [x, pads, backend.float(number('constantValue'))], { dtype: x.dtype, shape }),
  );
});

kernel('Tile', ({ backend, full, numbers }) => {
  const x = full('x');
  const repeats = numbers('reps');
  const shape = x.shape.map((length, axis) => length * (repeats[axis] ?? 1));
  return backend.tensor(backend.one('Tile', [x, backend.int64s(repeats)], { dtype: x.dtype, shape }));
});

kernel('GatherV2', ({ backend, full, number }) => {
  const x = full('x');
  const indices = full('indices');
  const axis = number('axis');
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return backend.tensor(
    backend.one('Gather', [x, indices], { dtype: x.dtype, shape }, { axis: { int: axis } }),
  );
});

kernel('Unpack', ({ backend, full, number }) => {
  const value = full('value');
  const axis = number('axis');
  return Array.from({ length: value.shape[axis] ?? 0 }, (_, index) => {
    const begin = value.shape.map((_length, other) => (other === axis ? index : 0));
    const part = slice(backend, value, begin, value.shape.with(axis, 1));
    const shape = value.shape.toSpliced(axis, 1);
    return backend.tensor(
      backend.one('Reshape', [part, backend.int64s(shape)], { dtype: value.dtype, shape }),
    );
  });
});
