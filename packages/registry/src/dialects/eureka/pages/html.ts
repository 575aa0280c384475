/** The frame of the pages for people: plain HTML without scripts and without anything from elsewhere. */

/** Text that is HTML already; everything else is escaped on its way into one. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[] | undefined;

/** A template whose holes are escaped, unless they are HTML. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = texts[0] as string;
  for (const [i, part] of parts.entries()) text += toText(part) + (texts[i + 1] as string);
  return new Html(text);
}

function toText(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("");
  return escapeHtml(String(part));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ESCAPES[letter] as string);
}

/** Clients may write anything into a URL; only those that lead to a page become links. */
export function toLink(url: string | undefined, label: string): Html {
  if (url === undefined || !/^https?:\/\//i.test(url)) return html`${label}`;
  return html`<a href="${url}" rel="noreferrer noopener">${label}</a>`;
}

/** The last time with a year of four digits. */
const TIME_MS_MAX = 253_402_300_799_000;

/** `2026-11-20 16:13:10 UTC`. */
export function toTime(ms: number): string {
  const iso = new Date(Math.min(Math.max(ms, 0), TIME_MS_MAX)).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** `45 s`, `3 min`, `2 h`, `5 d`. */
export function toSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5b6675;--line:#e1e5ea;--link:#0b5cad;
--up:#0f7b3f;--up-bg:#e2f5e9;--warn:#8a5a00;--warn-bg:#fdf1d7;--down:#a3201d;--down-bg:#fbe6e5;--none:#5b6675;--none-bg:#eceff3}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2b333f;--link:#7db8f5;
--up:#7fdba3;--up-bg:#143524;--warn:#f3c56b;--warn-bg:#3a2d10;--down:#ff9d99;--down-bg:#421d1c;--none:#9aa6b5;--none-bg:#262e39}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,header>div{max-width:80rem;margin:0 auto;padding:0 1rem}
header{background:var(--card);border-bottom:1px solid var(--line)}
header>div{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1.5rem;padding-top:.9rem;padding-bottom:.9rem}
h1{font-size:1.15rem;margin:0}
h2{font-size:1.05rem;margin:2rem 0 .6rem}
nav{display:flex;flex-wrap:wrap;gap:0 1rem}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
p{margin:.4rem 0}
.soft{color:var(--soft)}.small{font-size:.87rem}
.note{border:1px solid var(--line);border-left:4px solid var(--up);background:var(--card);border-radius:6px;padding:.7rem 1rem;margin-top:1.2rem}
.note.held{border-left-color:var(--warn);background:var(--warn-bg)}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.7rem;margin-top:1rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem}
h2 .pill{margin-left:.4rem;font-weight:500;vertical-align:.1em}
.tile b{display:block;font-size:1.35rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.card{background:var(--card);border:1px solid var(--line);border-radius:6px;overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.42rem .8rem;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
tr:first-child>th{border-top:0;color:var(--soft);font-weight:500;font-size:.87rem;white-space:nowrap}
tbody+tbody td,tbody+tbody th{border-top:1px solid var(--line)}
td.app{font-weight:600}.count{font-weight:400;white-space:nowrap}
td.time,td.short{white-space:nowrap;overflow-wrap:normal}
td.at{min-width:11rem}td.id{min-width:15rem}
.pill{display:inline-block;border-radius:99px;padding:0 .55rem;font-size:.8rem;font-weight:600;white-space:nowrap}
.UP{color:var(--up);background:var(--up-bg)}.DOWN{color:var(--down);background:var(--down-bg)}
.STARTING,.OUT_OF_SERVICE,.held-pill{color:var(--warn);background:var(--warn-bg)}.UNKNOWN{color:var(--none);background:var(--none-bg)}
.note .held-pill{background:var(--card);border:1px solid currentColor}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0;padding:.7rem 1rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:.87rem;padding:2rem 0 2.5rem}
@media(max-width:76rem){
th,td{padding-left:.5rem;padding-right:.5rem}td.app{min-width:8.5rem}td.app.short{white-space:normal}td.id{min-width:12rem}td.at{min-width:9rem}}
@media(max-width:62rem){
.stack tr{display:block;border-top:1px solid var(--line);padding:.45rem 0}.stack tr:first-child{border-top:0}
.stack tr.head{display:none}.stack td{display:block;border:0;padding:.1rem .8rem}.stack td:empty{display:none}
.stack td[data-name]::before{content:attr(data-name) " ";color:var(--soft);font-size:.87rem}
dl{grid-template-columns:1fr}dt{margin-top:.3rem}}
@media(max-width:600px){.tiles{grid-template-columns:1fr 1fr}}
`;

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='%230f7b3f'/%3E%3C/svg%3E";

/** What a browser may do with the pages: show them, and nothing else. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The query by which a page shows this account. */
export function toQuery(account: string): string {
  return `?account=${encodeURIComponent(account)}`;
}

/** A whole page. `query` is appended to links between the pages. */
export function writePage(title: string, subtitle: string, query: string, body: readonly Html[]): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title><link rel="icon" href="${ICON}"><style>${new Html(STYLE)}</style></head>
<body><header><div><h1>Rollcall <span class="soft">speaks Eureka</span></h1>
<nav><a href="/${query}">Instances</a><a href="/lastn${query}">Last 1000</a><a href="/status">Status</a><a href="/eureka/apps">XML</a></nav>
<span class="soft small">${subtitle}</span></div></header><main>${body}</main></body></html>
`.text;
}
