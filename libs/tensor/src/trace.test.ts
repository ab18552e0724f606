import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import {
  gatherRows,
  entropies,
  formatGraph,
  hostTensor,
  linearTokenEntropies,
  linearTokenLogprobs,
  Program,
  rmsNorm,
  rotaryEmbedding,
  rotaryTable,
  silu,
  tokenLogprobs,
  trace,
  type TensorSpec,
} from './index.ts';
import './gradients.ts';

type Inputs = Record<string, tf.Tensor>;
interface Given {
  spec: TensorSpec;
  data: Float32Array | Int32Array;
}

function wave(shape: number[], phase: number): Given {
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    spec: { dtype: 'float32', shape },
    data: Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + phase) * 1.5),
  };
}

const indices = (values: number[], shape = [values.length]): Given => ({
  spec: { dtype: 'int32', shape },
  data: Int32Array.from(values),
});

/** Runs a function eagerly on TensorFlow.js's cpu backend and traced on ONNX Runtime; both results by name. */
async function both(
  given: Record<string, Given>,
  body: (inputs: Inputs) => Inputs,
): Promise<[eager: number[][], traced: number[][]]> {
  void tf.setBackend('cpu');
  const tensors = Object.fromEntries(
    Object.entries(given).map(([name, { spec, data }]) => [
      name,
      tf.tensor(data, [...spec.shape], spec.dtype === 'int32' ? 'int32' : 'float32'),
    ]),
  );
  const eager = Object.values(body(tensors)).map((tensor) => [...tensor.dataSync()]);
  const graph = trace(
    Object.fromEntries(Object.entries(given).map(([name, { spec }]) => [name, spec])),
    body,
  );
  const program = await Program.compile(graph);
  const results = await program.run(
    Object.fromEntries(Object.entries(given).map(([name, { spec, data }]) => [name, hostTensor(spec, data)])),
  );
  await program.dispose();
  return [
    eager,
    [...graph.outputs.keys()].map((name) => Array.from(results[name]?.data as Float32Array, Number)),
  ];
}

function expectEqual([eager, traced]: [number[][], number[][]], tolerance = 1e-5): void {
  expect(traced.map((values) => values.length)).toEqual(eager.map((values) => values.length));
  eager.flat().forEach((value, index) => {
    expect(Math.abs((traced.flat()[index] ?? NaN) - value)).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(value)),
    );
  });
}

/** A function's value and its gradient with respect to the named float inputs, under a fixed random projection. */
function withGradients(names: string[], f: (inputs: Inputs) => tf.Tensor): (inputs: Inputs) => Inputs {
  return (inputs) => {
    const xs = names.map((name) => inputs[name] as tf.Tensor);
    const scalar = (...ys: tf.Tensor[]): tf.Scalar => {
      const value = f({
        ...inputs,
        ...Object.fromEntries(names.map((name, i) => [name, ys[i] as tf.Tensor])),
      });
      const size = value.shape.reduce((a, b) => a * b, 1);
      const projection = tf.tensor(
        Float32Array.from({ length: size }, (_, i) => Math.cos(i * 0.9)),
        value.shape,
      );
      return tf.sum(tf.mul(value, projection));
    };
    const { value, grads } = tf.valueAndGrads(scalar)(xs);
    return { value, ...Object.fromEntries(grads.map((gradient, i) => [`d_${names[i]}`, gradient])) };
  };
}

describe('a traced function computes what the eager one does, gradients included', () => {
  const cases: Record<string, [Record<string, Given>, (inputs: Inputs) => Inputs]> = {
    rmsNorm: [
      { x: wave([3, 4, 8], 0), w: wave([8], 1) },
      withGradients(['x', 'w'], ({ x, w }) => rmsNorm(x!, w!, 1e-6)),
    ],
    silu: [{ x: wave([5, 7], 2) }, withGradients(['x'], ({ x }) => silu(x!))],
    rotaryEmbedding: [
      { x: wave([2, 3, 4, 8], 0), p: indices([0, 1, 2, 3, 5, 6, 7, 8], [2, 4]) },
      withGradients(['x'], ({ x, p }) =>
        rotaryEmbedding(x as tf.Tensor4D, p as tf.Tensor2D, rotaryTable(16, [1, 0.3, 0.1, 0.03])),
      ),
    ],
    tokenLogprobs: [
      { x: wave([4, 9], 0), t: indices([0, 8, 3, 3]) },
      withGradients(['x'], ({ x, t }) => tokenLogprobs(x as tf.Tensor2D, t as tf.Tensor1D)),
    ],
    entropies: [{ x: wave([4, 9], 0) }, ({ x }) => ({ y: entropies(x as tf.Tensor2D) })],
    'gatherRows with repeated rows': [
      { table: wave([6, 4], 0), ids: indices([1, 5, 1, 0]) },
      withGradients(['table'], ({ table, ids }) => gatherRows(table as tf.Tensor2D, ids as tf.Tensor1D)),
    ],
    'attention written with plain operators': [
      { q: wave([2, 3, 4], 0), k: wave([2, 5, 4], 1), v: wave([2, 5, 4], 2) },
      withGradients(['q', 'k', 'v'], ({ q, k, v }) =>
        tf.matMul(tf.softmax(tf.mul(tf.matMul(q!, k!, false, true), 0.5)), v!),
      ),
    ],
    'broadcasts, reductions and slices': [
      { x: wave([3, 4], 0), b: wave([4], 1) },
      withGradients(['x', 'b'], ({ x, b }) => {
        const y = tf.concat([tf.slice(tf.add(x!, b!), [1, 0], [2, 4]), tf.tanh(x!)], 0);
        return tf.stack([
          tf.mean(tf.square(y)),
          tf.sum(tf.maximum(y, 0.1)),
          tf.logSumExp(tf.transpose(y)),
          tf.sum(tf.softplus(y)),
        ]);
      }),
    ],
  };
  for (const [name, [given, body]] of Object.entries(cases)) {
    it(name, async () => expectEqual(await both(given, body)));
  }
});

describe('linearTokenLogprobs', () => {
  const given = {
    hidden: wave([7, 5], 1),
    weight: wave([11, 5], 2),
    tokens: indices([3, 0, 10, 10, 4, 3, 7]),
    amounts: wave([7], 3),
  };
  const tokensOf = (inputs: Inputs): tf.Tensor1D => inputs['tokens'] as tf.Tensor1D;
  const of = (logprobs: (hidden: tf.Tensor2D, weight: tf.Tensor2D, inputs: Inputs) => tf.Tensor1D) => {
    return (inputs: Inputs): Inputs => {
      const { hidden, weight, amounts } = inputs;
      if (!hidden || !weight || !amounts) throw new Error('missing input');
      const loss = (h: tf.Tensor, w: tf.Tensor): tf.Scalar =>
        tf.sum(tf.mul(logprobs(h as tf.Tensor2D, w as tf.Tensor2D, inputs), amounts));
      const { value, grads } = tf.valueAndGrads(loss)([hidden, weight]);
      return { value, hidden_gradient: grads[0] ?? value, weight_gradient: grads[1] ?? value };
    };
  };

  it.each([11, 22, 33, 1000])('is the same with %i logits at once, gradients included', async (atOnce) => {
    const whole = of((h, w, inputs) => tokenLogprobs(tf.matMul(h, w, false, true), tokensOf(inputs)));
    const inPieces = of((h, w, inputs) => linearTokenLogprobs(h, w, tokensOf(inputs), atOnce));
    const [expected] = await both(given, whole);
    for (const found of await both(given, inPieces)) expectEqual([expected, found]);
  });

  it('never holds more logits than allowed', () => {
    const specs = Object.fromEntries(Object.entries(given).map(([name, { spec }]) => [name, spec]));
    const text = formatGraph(
      trace(
        specs,
        of((h, w, inputs) => linearTokenLogprobs(h, w, tokensOf(inputs), 22)),
      ),
    );
    expect(text).not.toMatch(/\[7,11\]|\[11,7\]/);
    expect(text).toMatch(/\[2,11\]/);
  });
});

describe('linearTokenEntropies', () => {
  const given = {
    hidden: wave([7, 5], 1),
    weight: wave([48, 5], 2),
    tokens: indices([3, 0, 10, 10, 4, 3, 7]),
  };
  const inputsOf = ({ hidden, weight, tokens }: Inputs) =>
    [hidden as tf.Tensor2D, weight as tf.Tensor2D, tokens as tf.Tensor1D] as const;

  it.each([48, 100, 1000])('are those of the logits with %i of them at once', async (atOnce) => {
    const direct = (inputs: Inputs): Inputs => {
      const [hidden, weight] = inputsOf(inputs);
      const logprobs = tf.logSoftmax(tf.matMul(hidden, weight, false, true));
      return { y: tf.neg(tf.sum(tf.mul(tf.exp(logprobs), logprobs), 1)) };
    };
    const found = (inputs: Inputs): Inputs => {
      const [hidden, weight] = inputsOf(inputs);
      return { y: linearTokenEntropies(hidden, weight, atOnce) };
    };
    const [expected] = await both(given, direct);
    for (const one of await both(given, found)) expectEqual([expected, one]);
  });

  it.each([100, 1000])(
    'take no product with the head of their own beside log-probabilities: %i',
    (atOnce) => {
      const specs = Object.fromEntries(Object.entries(given).map(([name, { spec }]) => [name, spec]));
      const products = (entropy: boolean): number =>
        trace(specs, (inputs) => {
          const [hidden, weight, tokens] = inputsOf(inputs);
          const logprobs = linearTokenLogprobs(hidden, weight, tokens, atOnce);
          return {
            logprobs,
            ...(entropy ? { entropies: linearTokenEntropies(hidden, weight, atOnce) } : {}),
          };
        })
          .liveNodes()
          .filter(({ inputs: [, second] }) => second?.shape.join() === '48,5').length;
      expect(products(true)).toBe(products(false));
      expect(products(false)).toBeGreaterThan(0);
    },
  );
});

describe('the graph', () => {
  it('computes a repeated expression once and leaves out what no output needs', () => {
    const graph = trace({ x: { dtype: 'float32', shape: [4] } }, ({ x }) => {
      tf.exp(x!);
      return { y: tf.add(tf.sin(x!), tf.sin(x!)) };
    });
    expect(graph.liveNodes().map((node) => node.op)).toEqual(['Sin', 'Add']);
    expect(formatGraph(graph)).toMatch(/Add\((%\d+), \1\)/);
  });

  it('keeps the gradient of a sum free of constants of the full shape', () => {
    const graph = trace({ x: { dtype: 'float32', shape: [512, 512] } }, ({ x }) => ({
      g: tf.grad((y: tf.Tensor) => tf.sum(tf.square(y)))(x!),
    }));
    expect(Math.max(...[...graph.constants.values()].map((data) => data.length))).toBeLessThanOrEqual(2);
  });

  it('refuses to read a value, in words that help', () => {
    expect(() =>
      trace({ x: { dtype: 'float32', shape: [1] } }, ({ x }) => ({ y: tf.scalar(x!.dataSync()[0] ?? 0) })),
    ).toThrow(/no values yet/);
  });
});
