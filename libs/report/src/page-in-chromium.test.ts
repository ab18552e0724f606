// The page as a reader's browser shows it: it asks the network for nothing, nobody is shut out, and the keyboard is enough.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from './html.ts';
import { FULL_MATERIAL, FULL_REPORT } from './page.fixture.ts';

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const name =
  chromium === undefined
    ? 'the page in Chromium (skipped: no Chromium is installed)'
    : 'the page in Chromium';

describe.skipIf(chromium === undefined)(name, { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-page-'));
  const file = join(folder, 'report.html');
  const requests: string[] = [];
  const errors: string[] = [];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const html = await renderPage(FULL_REPORT, FULL_MATERIAL);
    expect(Buffer.byteLength(html)).toBeLessThan(5_000_000);
    writeFileSync(file, html);
    browser = await puppeteer.launch({
      executablePath: chromium ?? '',
      userDataDir: join(folder, 'profile'),
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    page = await browser.newPage();
    page.on('request', (request) => void requests.push(request.url()));
    page.on('pageerror', (error) => void errors.push(String(error)));
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  async function open(width: number, scheme: 'light' | 'dark'): Promise<void> {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('html[data-browser=ready]');
    await page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))");
  }

  it.each([
    [1200, 'light'],
    [1200, 'dark'],
    [360, 'light'],
    [360, 'dark'],
  ] as const)(
    'has nothing to complain about for an accessibility checker, %i pixels, %s',
    async (width, scheme) => {
      await open(width, scheme);
      await page.evaluate(axe.source);
      const violations = await page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`))",
      );
      expect(violations).toEqual([]);
    },
  );

  it('does not scroll sideways on a phone, and neither does a chart', async () => {
    await open(360, 'light');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    const widths = await page.evaluate(
      "[...document.querySelectorAll('.chart')].map((one) => one.scrollWidth - one.clientWidth)",
    );
    expect(new Set(widths as number[])).toEqual(new Set([0]));
  });

  it('asks nobody for anything, and no script fails', async () => {
    await open(1200, 'light');
    expect(new Set(requests)).toEqual(new Set([pathToFileURL(file).href]));
    expect(errors).toEqual([]);
  });

  it('ranks solutions by the chosen signal, and says why one won', async () => {
    await open(1200, 'light');
    const text = (selector: string): Promise<string> => page.$eval(selector, (one) => one.textContent ?? '');
    expect(await text('#q-view .ranked li:first-child pre')).toContain('slow, slow');
    expect(await page.$$eval('#q-view .ranked li', (items) => items.length)).toBe(3);
    expect(await text('#q-view .why')).toMatch(
      /^No\. 1 of 3 .* in both orders against 1 of 2, and goes by the order against 1/,
    );
    // Solution 0 over 3: .7 when it is first; .4 when it is second, so .6 for the other.
    expect(await text('#q-view .matrix tbody tr:nth-child(1) td:nth-child(3)')).toBe('.700⇄');
    expect(await text('#q-view .matrix tbody tr:nth-child(2) td:nth-child(2)')).toBe('.600⇄');
    await page.select('#q-signal', 'entropy');
    expect(await text('#q-view .ranked li:nth-child(2) pre')).toContain('fast');
    expect(await text('#a-view .arm:nth-child(2) h3')).toBe('sft/self-judge 2 of 2 right');
  });

  it('is worked from the keyboard', async () => {
    await open(1200, 'light');
    await page.focus('#questions [data-step="1"]');
    await page.keyboard.press('Enter');
    expect(await page.$eval('#q-view .asked strong', (one) => one.textContent)).toBe('2 + 1 <script>');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await page.$eval('#q-view .asked strong', (one) => one.textContent)).toBe('1 + 1 <script>');
    await page.keyboard.press('ArrowLeft');
    expect(await page.$eval('#q-view .asked strong', (one) => one.textContent)).toBe('3 + 1 <script>');
  });
});
