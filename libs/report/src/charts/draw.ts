// Charts: Vega-Lite specifications, drawn as SVG without a browser, once for wide screens and once for narrow ones, so that neither has
// to scroll sideways. Colours are the page's CSS variables, which follow the reader into the dark.
import type { Config, TopLevelSpec } from 'vega-lite';
import { escapeHtml } from '../html-escape.ts';

/** Room for a chart. */
export interface Room {
  readonly narrow: boolean;
  /** Pixels in all. */
  readonly width: number;
}

const WIDE: Room = { narrow: false, width: 860 };
const NARROW: Room = { narrow: true, width: 320 };

/** Colours of categories, in their order; as many as are told apart. */
const PALETTE = Array.from({ length: 8 }, (_, index) => `var(--c${index})`);

const config: Config = {
  background: 'transparent',
  aria: false,
  font: 'system-ui, -apple-system, "Segoe UI", sans-serif',
  view: { stroke: null },
  axis: {
    domain: false,
    ticks: false,
    labelColor: 'var(--soft)',
    titleColor: 'var(--soft)',
    titleFontWeight: 'normal',
    gridColor: 'var(--line)',
    labelFontSize: 11,
    titleFontSize: 11,
    labelLimit: 170,
  },
  axisY: { grid: false },
  header: {
    labelColor: 'var(--ink)',
    labelFontSize: 12,
    labelFontWeight: 600,
    title: null,
    labelAnchor: 'start',
  },
  legend: {
    labelColor: 'var(--ink)',
    titleColor: 'var(--soft)',
    titleFontWeight: 'normal',
    labelFontSize: 11,
    titleFontSize: 11,
    symbolStrokeWidth: 2,
  },
  text: { color: 'var(--ink)' },
  range: { category: PALETTE },
};

/** Below each other: beside each other, two of them would be wider than a phone. */
const LEGENDS = { top: { direction: 'vertical' as const, anchor: 'start' as const, margin: 6 } };

/**
 * A figure with a chart.
 *
 * @param label says in words what is to be seen: the chart's only text for those who do not see it.
 * @param spec the chart for a room.
 */
export async function draw(label: string, spec: (room: Room) => TopLevelSpec): Promise<string> {
  const [wide, narrow] = [await svg(spec(WIDE)), await svg(spec(NARROW))];
  const image = (room: string, text: string): string =>
    text.replace(
      /^<svg [^>]*?(width="[^"]*") height="[^"]*" (viewBox="[^"]*")>/,
      (_, width: string, box: string) => {
        const pixels = /\d+(?:\.\d+)?/.exec(width)?.[0] ?? '860';
        return `<svg class="plot ${room}" role="img" aria-label="${escapeHtml(label)}" style="max-width:${pixels}px" ${box}>`;
      },
    );
  return `<div class="chart">${image('wide', wide)}${image('narrow', narrow)}</div>`;
}

async function svg(spec: TopLevelSpec): Promise<string> {
  // Loaded when there is something to draw: commands that print tables do without.
  const [{ parse, View }, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new View(parse(compile(spec, { config }).spec, { legend: { layout: LEGENDS } }), {
    renderer: 'none',
  });
  try {
    return (
      (await view.toSVG())
        // A chart is one image, which says in words what is in it.
        .replace(/ (?:role|class|aria-[a-z]+|pointer-events)="[^"]*"(?=[^<>]*>)/g, '')
        // Coordinates with ten decimals are no sharper.
        .replace(/(\d\.\d{2})\d+(?=[^<>]*>)/g, '$1')
    );
  } finally {
    view.finalize();
  }
}

/** Legends stand above; on narrow screens in two columns. */
export function legendOf({ narrow }: Room, title: string | null = null) {
  return { title, orient: 'top' as const, columns: narrow ? 2 : 6, labelLimit: 150, symbolOpacity: 1 };
}
