// What programs run on, and in which precision their matrix products are: settings, their names, and their part of a key.

/** Where programs run: ONNX Runtime's execution providers. */
export const DEVICES = ['cpu', 'cuda', 'webgpu'] as const;
export type Device = (typeof DEVICES)[number];

/**
 * Precision of matrix products; everything else is float32. int8 is of products with frozen weights, on the cpu: with integers in sampling
 * and scoring; where an adapter is trained, weights are in eight bits and products in float32.
 */
export const PRECISIONS = ['float32', 'float16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Both settings. */
export interface Hardware {
  readonly device: Device;
  readonly precision: Precision;
}

/** What runs everywhere. */
export const DEFAULT_HARDWARE: Hardware = { device: 'cpu', precision: 'float32' };

function oneOf<Choice extends string>(
  variable: string,
  text: string | undefined,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (text === undefined || text === '') return choices[0];
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined)
    throw new Error(
      `${variable}: expected ${choices.map((each) => `"${each}"`).join(' or ')}, got "${text}"`,
    );
  return choice;
}

/**
 * Reads `OVERTONE_DEVICE` ("cpu", the default, "cuda" or "webgpu") and `OVERTONE_PRECISION` ("float32", the default, "float16" or "int8").
 *
 * @throws Error that names the variable.
 */
export function readHardware(environment: Readonly<Record<string, string | undefined>>): Hardware {
  const device = oneOf('OVERTONE_DEVICE', environment['OVERTONE_DEVICE'], DEVICES);
  const precision = oneOf('OVERTONE_PRECISION', environment['OVERTONE_PRECISION'], PRECISIONS);
  if (precision === 'int8' && device !== 'cpu')
    throw new Error(
      `OVERTONE_PRECISION: int8 is for the cpu, got OVERTONE_DEVICE "${device}"; use float16 there`,
    );
  return { device, precision };
}

/** What hardware adds to the key of a result: undefined for the default, so that keys without it stay as they are. */
export function hardwareKey({ device, precision }: Hardware): string | undefined {
  if (device === DEFAULT_HARDWARE.device && precision === DEFAULT_HARDWARE.precision) return undefined;
  return `${device}/${precision}`;
}
