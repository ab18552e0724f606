// Numbers as people read them in tables and on the page.

/** ".445": a share with three decimals and no leading zero, as miniature tables print accuracy. */
export function formatShare(value: number): string {
  return value
    .toFixed(3)
    .replace(/^(-?)0\./, '$1.')
    .replace('-', '−');
}

/** "+.052": a signed difference of shares. */
export function formatDifference(value: number): string {
  const text = formatShare(Math.abs(value));
  return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`;
}

/** "1 min 05 s" or "12.3 s". */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** A p-value: "p < .001" or "p = .034". */
export function formatP(pValue: number): string {
  return pValue < 0.001 ? 'p < .001' : `p = ${formatShare(pValue)}`;
}
