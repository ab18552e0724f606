// The style sheet of the live pages: light and dark, nothing loaded, readable on a phone.

/** /ui.css */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5c6670;--paper:#fbfaf7;--card:#fff;--line:#e3e0d8;--better:#0b7a53;--worse:#b3372f;--same:#37628c;--warn:#8f5f00;--track:#ece9e1}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#a3acb4;--paper:#15181b;--card:#1c2024;--line:#2e343a;--better:#4fc592;--worse:#f08577;--same:#8fb3d6;--warn:#dfb152;--track:#2a3036}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
a{color:var(--same)}
:focus-visible{outline:3px solid var(--same);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;padding:.3rem .8rem;background:var(--card)}
nav{margin-bottom:1rem;font-size:.9rem}
h1{margin:.1em 0 .2em;font-size:clamp(1.6rem,5vw,2.3rem);line-height:1.15;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{margin:0 0 .6rem;font-size:1.1rem}
h3{margin:.8rem 0 .2rem;font-size:.9rem}
p{margin:.2em 0 .6em;color:var(--soft);overflow-wrap:anywhere}
p b{color:var(--ink)}
.kicker{margin:0;font-size:.8rem;letter-spacing:.1em;text-transform:uppercase}
.lead{font-size:1.1rem;color:var(--ink);font-variant-numeric:tabular-nums}
section{margin:1rem 0;padding:1rem 1.1rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
.badge{display:inline-block;padding:.05rem .6rem;border:1px solid currentColor;border-radius:99px;font-size:.8rem;font-weight:600;letter-spacing:0;text-transform:none;white-space:nowrap;color:var(--soft)}
.badge.at-work{color:var(--same)}.badge.done{color:var(--better)}.badge.failed,.badge.killed{color:var(--worse)}.badge.interrupted{color:var(--warn)}
.alarms{margin:1rem 0;padding:.7rem 1rem;background:var(--card);border:1px solid var(--line);border-left:4px solid var(--worse);border-radius:8px;font-size:.9rem;overflow-wrap:anywhere}
.alarms ul{margin:.3rem 0 0;padding:0 0 0 1.1rem;color:var(--soft)}
.alarms b{color:var(--worse)}
.stages{margin:0;padding:0;list-style:none}
.stages li{display:grid;grid-template-columns:5.5rem minmax(5rem,14rem) 1fr;gap:.2rem .9rem;align-items:center;padding:.22rem 0}
.stages li>span{grid-column:3;font-size:.88rem;color:var(--soft);font-variant-numeric:tabular-nums}
.stages b{font-weight:500}
.stages .active b{font-weight:700}
.stages .waiting b{color:var(--soft)}
progress{appearance:none;width:100%;height:.55rem;border:0;border-radius:99px;background:var(--track);overflow:hidden;color:var(--same)}
progress::-webkit-progress-bar{background:var(--track);border-radius:99px}
progress::-webkit-progress-value{background:var(--same);border-radius:99px}
progress::-moz-progress-bar{background:var(--same);border-radius:99px}
.complete progress::-webkit-progress-value{background:var(--better)}
.complete progress::-moz-progress-bar{background:var(--better)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem;margin:.4rem 0 .8rem}
figure{margin:0}
figcaption{font-size:.85rem;color:var(--soft);font-variant-numeric:tabular-nums}
figcaption b{color:var(--ink)}
svg{display:block;width:100%;height:auto;font:10px system-ui,-apple-system,"Segoe UI",sans-serif}
svg .grid{stroke:var(--line);fill:none}
svg .tick{fill:var(--soft)}
svg polyline{fill:none;stroke-linejoin:round}
svg .own{stroke:var(--same);stroke-width:1.8}
svg .faint{stroke:var(--soft);stroke-width:1;opacity:.3}
svg .end{fill:var(--same)}
svg.spark{width:5rem;height:1.25rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .9rem .3rem 0;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{font-weight:500;color:var(--soft)}
tbody th{font-weight:500}
tbody tr:last-child>*{border-bottom:0}
td.better{color:var(--better);font-weight:600}td.worse{color:var(--worse);font-weight:600}
small{color:var(--soft);font-size:.85em}
.log{max-height:16rem;overflow:auto}
.log ol{margin:0;padding:0;list-style:none;font:.82rem/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
.log time{color:var(--soft)}
.log .alarm{color:var(--worse)}
pre{margin:0;padding:.6rem;max-height:14rem;overflow:auto;background:var(--track);border-radius:8px;font-size:.78rem;white-space:pre-wrap;overflow-wrap:anywhere}
details{margin-top:.6rem}
summary{cursor:pointer;color:var(--same);padding:.2rem 0}
iframe{width:100%;height:42rem;max-height:80vh;border:1px solid var(--line);border-radius:8px;background:var(--paper)}
.runs{margin:1rem 0;padding:0;list-style:none;display:grid;gap:.7rem}
.runs li{padding:.8rem 1rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
.runs li>div{display:flex;flex-wrap:wrap;gap:.2rem .7rem;align-items:center}
.runs a{font-weight:600}
.runs p{margin:.2rem 0 0;font-size:.88rem;font-variant-numeric:tabular-nums}
.runs .bar{display:grid;grid-template-columns:5rem minmax(5rem,16rem) auto;gap:.8rem;align-items:center;justify-content:start}
footer{color:var(--soft);font-size:.8rem}
code{font-size:.9em}
@media (max-width:36rem){.stages li{grid-template-columns:5.5rem 1fr}.stages li>span{grid-column:1/-1}.stages li{padding:.4rem 0}section{padding:.8rem}}
`;
