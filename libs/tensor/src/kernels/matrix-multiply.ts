// Matrix products: the operator that everything else waits for.
import { broadcastShape } from '../trace-backend.ts';
import { kernel } from './kernel.ts';

kernel('BatchMatMul', ({ backend, full, flag }) => {
  const a = full('a');
  const b = full('b');
  const transposeA = flag('transposeA');
  const transposeB = flag('transposeB');
  const rows = a.shape.at(transposeA ? -1 : -2) ?? 1;
  const columns = b.shape.at(transposeB ? -2 : -1) ?? 1;
  const shape = [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
  const output = { dtype: a.dtype, shape };
  if (!transposeA && !transposeB) return backend.tensor(backend.one('MatMul', [a, b], output));
  const attributes = {
    transA: { int: transposeA ? 1 : 0 },
    transB: { int: transposeB ? 1 : 0 },
    alpha: { float: 1 },
  };
  return backend.tensor(backend.one('FusedMatMul', [a, b], output, attributes, 'com.microsoft'));
});
