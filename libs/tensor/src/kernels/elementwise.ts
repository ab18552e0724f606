// Operators that work number by number. They keep broadcasts lazy.
import { type DType } from '../graph.ts';
import { broadcastShape, type TraceBackend, type Traced } from '../trace-backend.ts';
import { kernel } from './kernel.ts';

function binary(
  backend: TraceBackend,
  op: string,
  a: Traced,
  b: Traced,
  dtype: DType = a.stored.dtype,
): Traced {
  const stored = backend.one(op, [a.stored, b.stored], {
    dtype,
    shape: broadcastShape(a.stored.shape, b.stored.shape),
  });
  return { stored, shape: broadcastShape(a.shape, b.shape) };
}

function unary(backend: TraceBackend, op: string, x: Traced, dtype: DType = x.stored.dtype): Traced {
  return { stored: backend.one(op, [x.stored], { dtype, shape: x.stored.shape }), shape: x.shape };
}

const scalar = (backend: TraceBackend, value: number): Traced => ({
  stored: backend.float(value),
  shape: [],
});

/** The value of a uniform constant. */
function uniform(backend: TraceBackend, x: Traced): number | undefined {
  const data = x.stored.shape.length === 0 ? backend.graph.constants.get(x.stored) : undefined;
  return data?.[0] === undefined ? undefined : Number(data[0]);
}

const isIdentity = (backend: TraceBackend, op: string, x: Traced): boolean =>
  (op === 'Mul' || op === 'Div') && uniform(backend, x) === 1;

const ARITHMETIC = {
  Add: 'Add',
  Sub: 'Sub',
  Multiply: 'Mul',
  RealDiv: 'Div',
  Maximum: 'Max',
  Minimum: 'Min',
  Pow: 'Pow',
};
for (const [name, op] of Object.entries(ARITHMETIC)) {
  kernel(name, ({ backend, input }) => {
    const a = input('a');
    const b = input('b');
    const shape = broadcastShape(a.shape, b.shape);
    if (isIdentity(backend, op, b)) return backend.tensor(a.stored, shape);
    if (op === 'Mul' && isIdentity(backend, op, a)) return backend.tensor(b.stored, shape);
    return backend.tensor(binary(backend, op, a, b).stored, shape);
  });
}

const COMPARISON = {
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  Equal: 'Equal',
  LogicalAnd: 'And',
  LogicalOr: 'Or',
};
for (const [name, op] of Object.entries(COMPARISON)) {
  kernel(name, ({ backend, input }) => {
    const { stored, shape } = binary(backend, op, input('a'), input('b'), 'bool');
    return backend.tensor(stored, shape);
  });
}

kernel('NotEqual', ({ backend, input }) => {
  const { stored, shape } = unary(backend, 'Not', binary(backend, 'Equal', input('a'), input('b'), 'bool'));
  return backend.tensor(stored, shape);
});

kernel('SquaredDifference', ({ backend, input }) => {
  const difference = binary(backend, 'Sub', input('a'), input('b'));
  const { stored, shape } = binary(backend, 'Mul', difference, difference);
  return backend.tensor(stored, shape);
});

const UNARY = {
  Neg: 'Neg',
  Exp: 'Exp',
  Log: 'Log',
  Sqrt: 'Sqrt',
  Abs: 'Abs',
  Sigmoid: 'Sigmoid',
  Tanh: 'Tanh',
  Relu: 'Relu',
  Softplus: 'Softplus',
  Sin: 'Sin',
  Cos: 'Cos',
  Reciprocal: 'Reciprocal',
  Sign: 'Sign',
  Floor: 'Floor',
  LogicalNot: 'Not',
};
for (const [name, op] of Object.entries(UNARY)) {
  kernel(name, ({ backend, input }) => {
    const { stored, shape } = unary(backend, op, input('x'));
    return backend.tensor(stored, shape);
  });
}

kernel('Rsqrt', ({ backend, input }) => {
  const { stored, shape } = unary(backend, 'Reciprocal', unary(backend, 'Sqrt', input('x')));
  return backend.tensor(stored, shape);
});

kernel('Square', ({ backend, input }) => {
  const { stored, shape } = binary(backend, 'Mul', input('x'), input('x'));
  return backend.tensor(stored, shape);
});

kernel('Step', ({ backend, input, number }) => {
  const x = input('x');
  const positive = binary(backend, 'Greater', x, scalar(backend, 0), 'bool');
  const stored = backend.one('Where', [positive.stored, backend.float(1), backend.float(number('alpha'))], {
    dtype: 'float32',
    shape: x.stored.shape,
  });
  return backend.tensor(stored, x.shape);
});

kernel('Select', ({ backend, input }) => {
  const [condition, then, otherwise] = [input('condition'), input('t'), input('e')];
  const shape = broadcastShape(condition.stored.shape, then.stored.shape, otherwise.stored.shape);
  const stored = backend.one('Where', [condition.stored, then.stored, otherwise.stored], {
    dtype: then.stored.dtype,
    shape,
  });
  return backend.tensor(stored, then.shape);
});

kernel('AddN', ({ backend, list }) => {
  const { stored, shape } = list().reduce((sum, term) => binary(backend, 'Add', sum, term));
  return backend.tensor(stored, shape);
});

kernel('Identity', ({ backend, input }) => {
  const { stored, shape } = input('x');
  return backend.tensor(stored, shape);
});

const ONNX_TYPE = { float32: 1, int32: 6, bool: 9 };
kernel('Cast', ({ backend, input, attribute }) => {
  const dtype = attribute('dtype');
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
    throw new TypeError(`Cannot trace a cast to ${String(dtype)}`);
  const { stored, shape } = input('x');
  if (stored.dtype === dtype) return backend.tensor(stored, shape);
  const cast = backend.one(
    'Cast',
    [stored],
    { dtype, shape: stored.shape },
    { to: { int: ONNX_TYPE[dtype] } },
  );
  return backend.tensor(cast, shape);
});

for (const [name, value] of Object.entries({ ZerosLike: 0, OnesLike: 1 })) {
  kernel(name, ({ backend, input }) => {
    const { stored, shape } = input('x');
    const data =
      stored.dtype === 'float32'
        ? Float32Array.of(value)
        : stored.dtype === 'bool'
          ? Uint8Array.of(value)
          : Int32Array.of(value);
    return backend.tensor(
      backend.graph.constant(stored.dtype === 'int64' ? 'int32' : stored.dtype, [], data),
      shape,
    );
  });
}

kernel('Fill', ({ backend, number, numbers, attribute }) => {
  const integer = attribute('dtype') === 'int32';
  const value = number('value');
  const constant = backend.graph.constant(
    integer ? 'int32' : 'float32',
    [],
    integer ? Int32Array.of(value) : Float32Array.of(value),
  );
  return backend.tensor(constant, numbers('shape'));
});
