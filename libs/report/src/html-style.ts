// The style sheet of every page: light and dark, nothing loaded.

/** The content of a page's style element. */
export const STYLE = `
:root{--ink:#1b1f24;--soft:#5c6670;--paper:#fbfaf7;--card:#fff;--line:#e3e0d8;--better:#0b7a53;--worse:#b3372f;--same:#4a6a8a;--warn:#8f5f00}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#9aa3ab;--paper:#15181b;--card:#1c2024;--line:#2e343a;--better:#4fc592;--worse:#f08577;--same:#8fb3d6;--warn:#dfb152}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:56rem;padding:2rem 1rem 4rem;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{margin:.1em 0 .3em;font-size:clamp(1.6rem,5vw,2.4rem);line-height:1.15;letter-spacing:-.02em}
h2{margin:0 0 .4em;font-size:1.15rem}
p{margin:.2em 0 1em;color:var(--soft)}
.kicker{margin:0;font-size:.8rem;letter-spacing:.12em;text-transform:uppercase}
.lead{font-size:1.1rem;color:var(--ink)}
section{margin:1.25rem 0;padding:1.1rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
.facts{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:1rem 0}
.facts dt{font-size:.8rem;color:var(--soft)}
.facts dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
small{font-weight:400;font-size:.8em;color:var(--soft)}
svg{display:block;width:100%;min-width:32rem;height:auto;font:13px system-ui,-apple-system,"Segoe UI",sans-serif}
svg text{fill:var(--ink)}
svg .tick{fill:var(--soft);font-size:11px}
svg .grid{stroke:var(--line)}
svg .base{stroke:var(--soft);stroke-dasharray:4 4}
svg .value{font-weight:600;font-variant-numeric:tabular-nums}
svg .interval{stroke-width:3;stroke-linecap:round;opacity:.45}
svg .better .interval{stroke:var(--better)}svg .worse .interval{stroke:var(--worse)}svg .same .interval{stroke:var(--same)}
svg .better circle{fill:var(--better)}svg .worse circle{fill:var(--worse)}svg .same circle{fill:var(--same)}
svg .seed{opacity:.5}
svg .rounds{fill:none;stroke-width:2;opacity:.75}
svg .better .rounds{stroke:var(--better)}svg .worse .rounds{stroke:var(--worse)}svg .same .rounds{stroke:var(--same)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .7rem .35rem 0;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
th{font-weight:500;color:var(--soft)}
tbody tr:last-child td{border-bottom:0}
b.better{color:var(--better)}b.worse{color:var(--worse)}b.same{color:var(--same)}
footer{color:var(--soft);font-size:.8rem}
.cards{display:grid;gap:1rem}
.signal{margin:0;padding:1rem 1.1rem;background:var(--card);border:1px solid var(--line);border-left:4px solid var(--same);border-radius:12px}
.signal.use{border-left-color:var(--better)}.signal.attenuate{border-left-color:var(--warn)}.signal.refuse{border-left-color:var(--worse)}
.signal header{display:flex;flex-wrap:wrap;gap:.2rem .75rem;align-items:baseline}
.signal h3{margin:0;font-size:1.05rem}
.signal .method{color:var(--soft);font-size:.88rem}
.badge{margin-left:auto;padding:.1rem .6rem;border:1px solid currentColor;border-radius:99px;font-size:.85rem;font-weight:600;white-space:nowrap}
.use .badge{color:var(--better)}.attenuate .badge{color:var(--warn)}.refuse .badge{color:var(--worse)}
.signal .reason{margin:.5rem 0 .8rem;color:var(--ink)}
.signal .columns{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;align-items:flex-start}
.signal .columns>*{flex:1 1 20rem}
.signal table+table{margin-top:.8rem}
.signal caption{padding-bottom:.2rem;text-align:left;font-weight:600}
.signal th[scope=row]{white-space:normal;font-weight:400}
.signal tbody tr:last-child>*{border-bottom:0}
.signal td{padding-right:0;text-align:right}
.signal figure{margin:.8rem 0 0}
.signal figcaption{font-size:.8rem;color:var(--soft)}
svg.diagram{min-width:0;max-width:17rem}
svg.diagram .ideal{stroke:var(--soft);stroke-dasharray:4 4}
svg.diagram .gap{stroke:var(--same);stroke-width:2;opacity:.45}
svg.diagram .bin{fill:var(--same)}
svg.diagram .axis{fill:var(--soft);font-size:11px}
`;
