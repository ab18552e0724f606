// The log: one JSON object a line on standard error, with the ids of the active span so that a line leads to its trace. Where there is a
// collector, the same line goes there too, as the body of a log record.
import { logs, SeverityNumber, trace } from '@opentelemetry/api';
import { redact } from './redact.ts';

/** How much a line matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Anything JSON takes; an Error under any name is written with its message, stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes lines of one room or service. */
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

const SEVERITIES = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
} as const;

/** A logger; lines below OVERTONE_LOG_LEVEL (debug, info, warn, error, none; default warn) are dropped. */
export function logger(name: string): Logger {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LEVELS.indexOf(level) < threshold()) return;
    const line = redact(format(name, level, message, fields));
    process.stderr.write(`${line}\n`);
    logs.getLogger(name).emit({
      severityNumber: SEVERITIES[level],
      severityText: level.toUpperCase(),
      timestamp: Date.now(),
      body: line,
    });
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function threshold(): number {
  if (process.env.OVERTONE_LOG_LEVEL === 'none') return LEVELS.length;
  const configured = LEVELS.findIndex((level) => level === process.env.OVERTONE_LOG_LEVEL);
  return configured === -1 ? LEVELS.indexOf('warn') : configured;
}

function format(name: string, level: LogLevel, message: string, fields: LogFields = {}): string {
  const span = trace.getActiveSpan()?.spanContext();
  const service = process.env.OVERTONE_SERVICE_NAME;
  const line = {
    time: new Date().toISOString(),
    level,
    ...(service === undefined ? {} : { service }),
    logger: name,
    message,
    ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId }),
    ...fields,
  };
  try {
    return JSON.stringify(line, plain);
  } catch (error) {
    // A line with a cycle is still worth its message.
    return JSON.stringify({ level, logger: name, message, unwritable: String(error) });
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause === undefined ? {} : { cause }) };
}
