// The largest numbers of every row.
import { kernel } from './kernel.ts';

kernel('TopK', ({ backend, full, number }) => {
  const x = full('x');
  const k = number('k');
  const shape = x.shape.with(-1, k);
  const [values, indices] = backend.graph.emit(
    'TopK',
    [x, backend.int64s([k])],
    [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ],
    { axis: { int: -1 }, largest: { int: 1 }, sorted: { int: 1 } },
  );
  if (!values || !indices) throw new Error('TopK has two outputs');
  return [
    backend.tensor(values),
    backend.tensor(backend.one('Cast', [indices], { dtype: 'int32', shape }, { to: { int: 6 } })),
  ];
});
