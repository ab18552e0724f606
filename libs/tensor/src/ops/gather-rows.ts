// Rows of a table by index, with a gradient that adds into the rows.
import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../trace-backend.ts';
import { emitOne } from './fused.ts';

/**
 * The rows `ids` of `table`.
 *
 * @param table [rows, d].
 * @param ids [n], int32.
 * @returns [n, d].
 */
export function gatherRows(table: tf.Tensor2D, ids: tf.Tensor1D): tf.Tensor2D {
  const lookUp = tf.customGrad((input, save) => {
    if (!(input instanceof tf.Tensor) || typeof save !== 'function')
      throw new TypeError('gatherRows takes a table');
    const shape = input.shape as [number, number];
    save([ids]);
    return {
      value: tf.gather(input, ids),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [
        scatterAdd(shape, saved[0] as tf.Tensor1D, dy as tf.Tensor2D),
      ],
    };
  });
  return lookUp(table) as tf.Tensor2D;
}

function scatterAdd(shape: [number, number], ids: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D {
  if (!isTracing()) return tf.unsortedSegmentSum(rows, ids, shape[0]);
  return emitOne([tf.zeros(shape), ids, rows], (backend, zeros, idValue, rowValue) => {
    if (!zeros || !idValue || !rowValue) throw new Error('gatherRows needs a table, ids and rows');
    const wide = backend.one('Cast', [idValue], { dtype: 'int64', shape: idValue.shape }, { to: { int: 7 } });
    const indices = backend.one('Unsqueeze', [wide, backend.int64s([1])], {
      dtype: 'int64',
      shape: [...idValue.shape, 1],
    });
    return backend.one('ScatterND', [zeros, indices, rowValue], zeros, { reduction: { string: 'add' } });
  });
}
