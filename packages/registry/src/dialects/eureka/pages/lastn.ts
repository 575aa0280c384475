/** The page of what came and went last. */
import type { Happening } from "../instances/recent.ts";
import { type Html, html, toQuery, toTime, writePage } from "./html.ts";

export interface LastPage {
  readonly account: string;
  readonly nowMs: number;
  /** Newest first. */
  readonly registered: readonly Happening[];
  readonly cancelled: readonly Happening[];
}

export function writeLastn({ account, nowMs, registered, cancelled }: LastPage): string {
  return writePage("Last 1000 – Rollcall", `account ${account} · ${toTime(nowMs)}`, toQuery(account), [
    writeList("Last cancelled leases", "cancelled", cancelled),
    writeList("Last registrations", "registered", registered),
  ]);
}

function writeList(title: string, id: string, happenings: readonly Happening[]): Html {
  if (happenings.length === 0)
    return html`<h2>${title}</h2><div class="card" id="${id}"><p class="soft" style="padding:.3rem 1rem">None.</p></div>`;
  const rows = happenings.map(
    (one) =>
      html`<tr><td class="time soft">${toTime(one.atMs)}</td><td class="app">${one.app}</td><td>${one.id}</td><td class="soft">${one.cause}</td></tr>
`,
  );
  const head = html`<tr class="head"><th>When</th><th>Application</th><th>Instance</th><th>Why</th></tr>`;
  return html`<h2>${title}</h2><div class="card stack" id="${id}"><table>${head}${rows}</table></div>`;
}
