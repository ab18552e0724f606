// Operators that reduce axes, and softmax.
import { kernel } from './kernel.ts';

const REDUCTION = {
  Sum: 'ReduceSum',
  Mean: 'ReduceMean',
  Max: 'ReduceMax',
  Min: 'ReduceMin',
  Prod: 'ReduceProd',
};
const REDUCTION_ATTRIBUTE: Record<string, string> = { Max: 'reductionIndices' };

for (const [name, op] of Object.entries(REDUCTION)) {
  kernel(name, ({ backend, full, numbers, flag, attribute }) => {
    const x = full('x');
    const key = attribute('axis') === undefined ? (REDUCTION_ATTRIBUTE[name] ?? 'axis') : 'axis';
    const given =
      attribute(key) === undefined || attribute(key) === null ? x.shape.map((_, axis) => axis) : numbers(key);
    const axes = given.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
    const keep = flag('keepDims');
    const shape = x.shape
      .map((size, axis) => (axes.includes(axis) ? 1 : size))
      .filter((_, axis) => keep || !axes.includes(axis));
    if (axes.length === 0) return backend.tensor(x, x.shape);
    return backend.tensor(
      backend.one(
        op,
        [x, backend.int64s(axes)],
        { dtype: x.dtype, shape },
        { keepdims: { int: keep ? 1 : 0 } },
      ),
    );
  });
}

kernel('Softmax', ({ backend, full, number }) => {
  const logits = full('logits');
  return backend.tensor(backend.one('Softmax', [logits], logits, { axis: { int: number('dim') } }));
});

kernel('ArgMax', ({ backend, full, number }) => {
  const x = full('x');
  const axis = number('axis');
  const shape = x.shape.filter((_, index) => index !== axis);
  const index = backend.one(
    'ArgMax',
    [x],
    { dtype: 'int64', shape },
    { axis: { int: axis }, keepdims: { int: 0 } },
  );
  return backend.tensor(backend.one('Cast', [index], { dtype: 'int32', shape }, { to: { int: 6 } }));
});
