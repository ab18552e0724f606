// The end of telemetry: whoever started something that holds spans or metrics back registers how to let go of them.

const endings: (() => Promise<void>)[] = [];

/** Registers what has to happen before the process exits. */
export function onShutdown(ending: () => Promise<void>): void {
  endings.push(ending);
}

const LONGEST_MS = 3000;

/** Sends what is still held back; call it before process.exit(). Never throws and gives up after 3 s: telemetry must not hold a process. */
export async function shutdownTelemetry(): Promise<void> {
  const pending = endings.splice(0).map((ending) => ending());
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, LONGEST_MS);
  });
  await Promise.race([Promise.allSettled(pending), limit]);
  clearTimeout(timer);
}
