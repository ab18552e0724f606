// Results as Markdown: a table for each shape, and where the limits of the machine are.
import { type Contender, type Measurement, type Results } from './results.ts';
import { speedups, spreadOf, type Spread } from './spread.ts';

/** Three significant digits, without an exponent. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-6))));
  return value.toFixed(Math.min(digits, 4)).replace(/\B(?=(\d{3})+(?!\d)(?<!\.\d*))/g, ' ');
}

/** Columns as wide as their widest cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = header.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => [...(row[column] ?? '')].length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell + ' '.repeat((width[column] ?? 0) - [...cell].length)).join(' | ')} |`;
  return [line(header), line(width.map((columns) => '-'.repeat(columns))), ...rows.map(line)].join('\n');
}

const times = ({ median, lowest, highest }: Spread): string =>
  `**${short(median)} ×** [${short(lowest)} – ${short(highest)}]`;

const gigabytes = (bytes: number): string => `${short(bytes / 1e9)} GB`;

/** How fast: seconds for questions, else units a second. */
function rate({ amount, unit }: Measurement, { seconds }: Contender): string {
  const { median } = spreadOf(seconds);
  if (unit === 'questions') return `${short(median / amount)} s/question`;
  if (unit === 'steps') return `${short((1000 * median) / amount)} ms/step`;
  return `${short(amount / median)} tokens/s`;
}

/** What a machine's peak allows us, and what we reach of it. */
function share({ peaks }: Results, { macs, seconds }: Contender): string {
  if (!peaks || macs === undefined) return '–';
  const reached = macs / spreadOf(seconds).median / peaks.macsPerSecond;
  return `${Math.round(100 * reached)} %`;
}

/** The rows of a measurement: one for each peer, or one alone. */
export function rowsOf(results: Results, measurement: Measurement): string[][] {
  const [ours, ...others] = measurement.contenders;
  if (!ours) return [];
  const begin = [measurement.name, rate(measurement, ours)];
  const end = [gigabytes(ours.peakBytes), `${short(ours.firstSeconds)} s`, share(results, ours)];
  if (others.length === 0) return [[...begin, '', '', '', '', ...end]];
  return others.map((other, index) => [
    ...(index === 0 ? begin : ['', '']),
    other.name,
    rate(measurement, other),
    times(speedups(ours.seconds, other.seconds)),
    gigabytes(other.peakBytes),
    ...(index === 0 ? end : ['', '', '']),
  ]);
}

const HEADER = [
  'case',
  'overtone',
  'peer',
  'its speed',
  'overtone is faster by',
  'memory, peer',
  'memory, overtone',
  'first call',
  'of GEMM peak',
];

/** The whole report. */
export function report(results: Results): string {
  const { machine, peaks, versions } = results;
  const lines = [
    `Measured ${results.date.slice(0, 10)} at commit ${results.commit} with ${results.threads} threads on ${machine.cpu}, ${machine.cores} cores, ` +
      `${gigabytes(machine.memoryBytes)}, ${machine.system} (${machine.features.join(', ')}); ` +
      `${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}.`,
  ];
  if (peaks) {
    lines.push(
      '',
      `Peaks of this machine by ONNX Runtime: ${short(peaks.macsPerSecond / 1e9)} G multiply-accumulates a second in a float32 product of matrices, ` +
        `${short(peaks.bytesPerSecond / 1e9)} GB/s of weights read for one row.`,
    );
  }
  for (const [place, measurements] of Map.groupBy(
    results.measurements,
    ({ shape, task }) => `${shape}: ${task}`,
  )) {
    const notes = [...new Set(measurements.map(({ note }) => note))];
    lines.push(
      '',
      `### ${place}`,
      '',
      table(
        HEADER,
        measurements.flatMap((measurement) => rowsOf(results, measurement)),
      ),
      '',
      ...notes.map((note) => `- ${note[0]?.toUpperCase() ?? ''}${note.slice(1)}`),
    );
  }
  if (results.absent.length > 0) {
    lines.push('', '### Not measured', '');
    for (const { name, reason } of results.absent) lines.push(`- ${name}: ${reason.split('\n')[0] ?? ''}`);
  }
  return `${lines.join('\n')}\n`;
}

const BEGIN = '<!-- results:begin -->';
const END = '<!-- results:end -->';

/** A page with the part between its marks replaced. Throws when it has none. */
export function withReport(page: string, results: Results): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`The page has no ${BEGIN} … ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${report(results)}\n${page.slice(end)}`;
}
