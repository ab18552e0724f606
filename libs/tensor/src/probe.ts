// A process that tries one native part and says on standard output, as one line of JSON, whether it works: what may crash, crashes here.
//
//   node probe.ts cpu|cuda|webgpu|@tensorflow/tfjs-node-gpu|@tensorflow/tfjs-node
import { DEVICES, type Device } from './hardware.ts';
import { type ProbeAnswer } from './devices.ts';
import { EAGER_PACKAGES, type EagerPackage } from './eager-packages.ts';

function checkProduct(numbers: ArrayLike<number>): void {
  const product = Array.from(numbers).join();
  if (product !== '7,10,15,22') throw new Error(`[1 2; 3 4]² came out as [${product}]`);
}

/** Multiplies two matrices there. */
async function tryDevice(device: Device): Promise<ProbeAnswer> {
  const ort = await import('onnxruntime-node');
  const version = ort.env.versions.node;
  const bundled = ort.listSupportedBackends().some((backend) => backend.name === device && backend.bundled);
  try {
    const { Graph } = await import('./graph.ts');
    const { float32, hostTensor, Program } = await import('./program.ts');
    const spec = { dtype: 'float32', shape: [2, 2] } as const;
    const graph = new Graph();
    const x = graph.input('x', spec);
    for (const value of graph.emit('MatMul', [x, x], [spec])) graph.outputs.set('y', value);
    const program = await Program.compile(graph, { device });
    const { y } = await program.run({ x: hostTensor(spec, Float32Array.of(1, 2, 3, 4)) });
    await program.dispose();
    checkProduct(y ? float32(y) : []);
    return { works: true, version, bundled, reason: program.fallback };
  } catch (error) {
    return { works: false, version, bundled, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Multiplies two matrices there. */
async function tryEager(name: EagerPackage): Promise<ProbeAnswer> {
  try {
    const { loadEagerPackage } = await import('./eager-tensorflow.ts');
    const loaded = loadEagerPackage(name);
    const tf = await import('@tensorflow/tfjs-core');
    const matrix = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    checkProduct(await tf.matMul(matrix, matrix).data());
    const version = `${loaded.version} with libtensorflow ${loaded.libtensorflow ?? 'of unknown version'}`;
    return { works: true, version, bundled: true, reason: undefined };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { works: false, version: undefined, bundled: true, reason };
  }
}

const [wanted = ''] = process.argv.slice(2);
const device = DEVICES.find((each) => each === wanted);
const eager = EAGER_PACKAGES.find((each) => each === wanted);
if (device === undefined && eager === undefined) throw new Error(`Nothing to try is called ${wanted}`);
const answer = device === undefined ? eager && (await tryEager(eager)) : await tryDevice(device);
process.stdout.write(`\n${JSON.stringify(answer)}\n`);
