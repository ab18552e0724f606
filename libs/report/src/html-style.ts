// The style sheet of every page: light and dark, nothing loaded.

/** The content of a page's style element. */
export const STYLE = `
:root{--ink:#1b1f24;--soft:#5c6670;--paper:#fbfaf7;--card:#fff;--line:#e3e0d8;--better:#0b7a53;--worse:#b3372f;--same:#4a6a8a;--warn:#8f5f00;--c0:#3068b0;--c1:#b8541a;--c2:#0b7a53;--c3:#9340a0;--c4:#8a6a00;--c5:#c0395f;--c6:#2f7f8c;--c7:#6c6c6c}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#9aa3ab;--paper:#15181b;--card:#1c2024;--line:#2e343a;--better:#4fc592;--worse:#f08577;--same:#8fb3d6;--warn:#dfb152;--c0:#7fb1ea;--c1:#f0955c;--c2:#4fc592;--c3:#d58fdc;--c4:#d9bb4a;--c5:#f58aa8;--c6:#7cc5cd;--c7:#b4b4b4}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:2rem 1rem 4rem;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
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
svg:not(.plot) text{fill:var(--ink)}
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
.signal figure{display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;align-items:center;margin:.2rem 0 .6rem}
.signal figure svg{flex:0 1 17rem}.signal figcaption{flex:1 1 12rem}
.signal figcaption{font-size:.8rem;color:var(--soft)}
svg.diagram{min-width:0;max-width:17rem}
svg.diagram .ideal{stroke:var(--soft);stroke-dasharray:4 4}
svg.diagram .gap{stroke:var(--same);stroke-width:2;opacity:.45}
svg.diagram .bin{fill:var(--same)}
svg.diagram .axis{fill:var(--soft);font-size:11px}
h1.headline{font-size:clamp(1.45rem,4.2vw,2.1rem);font-weight:500;text-wrap:pretty}
h1.headline strong{font-weight:700}
h3{margin:1.6em 0 .3em;font-size:1rem}
section>h3+p{margin-top:0}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:0;padding:0;list-style:none;font-size:.9rem}
nav a{display:inline-block;padding:.2rem 0}
a{color:var(--same);text-underline-offset:.2em}
:focus-visible{outline:2px solid var(--same);outline-offset:2px;border-radius:3px}
section[tabindex]:focus{outline:0}
svg.plot{min-width:0;font:inherit}
svg.plot.narrow{display:none}
@media (max-width:44rem){svg.plot.wide{display:none}svg.plot.narrow{display:block;margin:0 auto}section{padding:1rem .85rem}body{padding-inline:.6rem}}
summary{padding:.3rem 0;color:var(--same);cursor:pointer}
code,pre{font:.85rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{margin:.3rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
pre.code{padding:.8rem 1rem;overflow:auto;max-height:28rem;background:var(--paper);border:1px solid var(--line);border-radius:8px}
.provenance{margin:1rem 0;font-size:.85rem}
.provenance div{display:flex;flex-wrap:wrap;gap:0 .8rem;padding:.2rem 0;border-bottom:1px solid var(--line)}
.provenance dt{flex:0 0 12rem;color:var(--soft)}
.provenance dd{flex:1 1 14rem;margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.controls{display:flex;flex-wrap:wrap;gap:.7rem 1rem;align-items:end;margin:.4rem 0 1rem}
.controls label{display:flex;flex-direction:column;flex:1 1 8rem;min-width:0;font-size:.8rem;color:var(--soft)}
.controls .picker{display:flex;flex:3 1 18rem;gap:.35rem;align-items:end;min-width:0}
select,button{min-height:2.4rem;padding:.3rem .5rem;width:100%;color:var(--ink);background:var(--paper);border:1px solid var(--soft);border-radius:6px;font:inherit;font-size:.9rem}
select:disabled{opacity:1;color:var(--soft);border-color:var(--line)}
button{width:2.6rem;cursor:pointer}
.asked{margin:0;color:var(--ink);font-size:1.05rem;overflow-wrap:anywhere;white-space:pre-wrap}
.why{margin:.3rem 0 .8rem;color:var(--ink)}
.ranked{margin:0;padding:0;list-style:none;counter-reset:rank;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:.7rem}
.ranked li{position:relative;counter-increment:rank;padding:.6rem .8rem .6rem 2.4rem;border:1px solid var(--line);border-radius:8px;min-width:0}
.ranked li::before{content:counter(rank);position:absolute;left:.8rem;top:.5rem;font-size:1.1rem;font-weight:700;color:var(--same)}
.ranked li:first-child{border-color:var(--better)}
.ranked li:first-child::before{color:var(--better)}
.figures,.ranks,.caption,.shades{margin:0;font-size:.8rem}
.shades{margin:.7rem 0 0}
.caption{margin:1.1rem 0 .3rem}
.token{background:color-mix(in srgb,var(--warn) var(--shade),transparent);border-radius:2px;color:var(--ink)}
.shades .token{padding:.1rem .4rem}
table.matrix{width:auto}
table.matrix th,table.matrix td{padding:.3rem .6rem;text-align:center;border:1px solid var(--line)}
table.matrix .same{color:var(--soft)}
.verdict{background:color-mix(in srgb,var(--side) var(--shade),transparent);color:var(--ink)}
.swayed{margin-left:.3em}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,16rem),1fr));gap:1rem;margin-top:.6rem}
.beside h3{margin:.2rem 0 .4rem}
.answer{margin:0 0 .5rem;padding:.5rem .8rem;border:1px solid var(--line);border-left:4px solid var(--better);border-radius:8px;min-width:0}
.answer.wrong{border-left-color:var(--worse)}
`;
