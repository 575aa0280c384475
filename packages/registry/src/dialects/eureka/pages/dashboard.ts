/** The dashboard, where Eureka's users look first. */
import { type EurekaStatus, STATUSES } from "../wire/messages.ts";
import { escapeHtml, Html, html, toLink, toQuery, toSpan, toTime, writePage } from "./html.ts";

export interface ShownInstance {
  readonly id: string;
  readonly status: EurekaStatus;
  /** What an operator said; UNKNOWN for nothing. */
  readonly override: EurekaStatus;
  readonly address: string;
  readonly zone: string;
  /** The dialect it registered through. */
  readonly via: string;
  readonly url: string | undefined;
  /** 0: none seen. */
  readonly lastBeatMs: number;
  readonly registeredAtMs: number;
  readonly hasLease: boolean;
  readonly heldSinceMs: number | undefined;
}

export interface ShownApp {
  readonly name: string;
  /** All of them, also those that are not listed. */
  readonly count: number;
  readonly instances: readonly ShownInstance[];
}

/** Why leases that lapsed are still there. */
export interface Holding {
  readonly count: number;
  readonly sinceMs: number;
  readonly reason: string;
}

export interface Dashboard {
  readonly nowMs: number;
  readonly node: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly replicator: string;
  readonly region: string;
  readonly account: string;
  /** Those that the reader may see, the one shown among them. */
  readonly accounts: readonly string[];
  /** Those that are held left out. */
  readonly counts: Readonly<Partial<Record<EurekaStatus, number>>>;
  readonly heldInstances: number;
  readonly instances: number;
  readonly leases: number;
  readonly holding: Holding | undefined;
  readonly apps: readonly ShownApp[];
  readonly appsTotal: number;
  readonly peers: readonly { readonly url: string; readonly reachable: boolean; readonly waiting: number }[];
}

/** Names of so many letters stay in one line. */
const WHOLE_MAX = 20;
const NO_BREAK = "\u00a0";

export function writeDashboard(page: Dashboard): string {
  const { node, version, nowMs, startedAtMs } = page;
  const subtitle = `${node} · Rollcall ${version} · up ${toSpan(nowMs - startedAtMs)} · ${toTime(nowMs)}`;
  return writePage(`${page.instances} instances – Rollcall`, subtitle, toQuery(page.account), [
    writeProtection(page),
    writeTiles(page),
    writeApps(page),
    writePeers(page),
    writeServer(page),
  ]);
}

/** What stands where Eureka has its red banner. */
function writeProtection({ holding, nowMs, leases }: Dashboard): Html {
  const renewed =
    leases === 0
      ? "There are no leases now. An instance that falls silent"
      : "Every lease here was renewed in time. An instance that falls silent";
  if (holding === undefined)
    return html`<section class="note" id="protection"><p><b>Protection is not active.</b>
${renewed} is gone when its lease ends, within a second.</p>
<p class="soft small">Protection begins only when so many instances of the account, or of one application, are silent that at least
ten would go and fewer than half would stay. (Both numbers can be configured.) There is no renewals threshold to keep up with: a
registry with two instances is never in an emergency.</p></section>`;
  return html`<section class="note held" id="protection"><p><b>Protection is active: ${holding.count} of ${leases} leases are held
since ${toTime(holding.sinceMs)}</b> (${toSpan(nowMs - holding.sinceMs)}).</p><p>${holding.reason.replace(/\.?$/, ".")}</p>
<p>Their instances stay listed, marked <span class="pill held-pill">held</span>, and may or may not still be there. Each is let go when it sends a heartbeat, when an operator
says so (<code>rollcall held release</code>), when another stands in for it, or when the holding time is over (ten minutes unless configured). All others expire as ever.</p></section>`;
}

function writeTiles({ instances, appsTotal, leases, holding }: Dashboard): Html {
  const tiles = [
    writeTile(instances, "instances"),
    writeTile(appsTotal, "applications"),
    writeTile(leases, "leases"),
    writeTile(holding?.count ?? 0, "held"),
  ];
  return html`<section class="tiles">${tiles}</section>`;
}

function writeTile(value: number, label: string): Html {
  return html`<div class="tile"><b>${value}</b><span class="soft">${label}</span></div>`;
}

function writeApps({ apps, appsTotal, instances, counts, heldInstances, nowMs }: Dashboard): Html {
  const listed = apps.reduce((sum, app) => sum + app.instances.length, 0);
  const rest =
    listed < instances
      ? html`<p class="soft small">${listed} of ${instances} instances and ${apps.length} of ${appsTotal} applications are
listed here; <a href="/eureka/apps">/eureka/apps</a> has all of them.</p>`
      : undefined;
  if (apps.length === 0)
    return html`<h2>Instances</h2><div class="card"><p class="soft" style="padding:.3rem 1rem">No instance is registered.</p></div>`;
  const pills = STATUSES.filter((status) => (counts[status] ?? 0) > 0).map(
    (status) => html`<span class="pill ${status}">${counts[status]} ${status}</span>`,
  );
  if (heldInstances > 0) pills.push(html`<span class="pill held-pill">${heldInstances} held</span>`);
  const head = html`<tr class="head"><th>Application</th><th>Instance</th><th>Status</th><th>Address</th><th>Zone</th><th>Via</th><th>Last heartbeat</th></tr>`;
  const rows = apps.flatMap((app) => app.instances.map((one, nth) => writeInstance(app, one, nth, nowMs)));
  return html`<h2>Instances ${pills}</h2><div class="card stack"><table>${head}${rows}</table></div>${rest}`;
}

function writeInstance(app: ShownApp, one: ShownInstance, nth: number, nowMs: number): Html {
  const count = app.count > 1 ? html`${NO_BREAK}<span class="soft count">(${app.count})</span>` : undefined;
  const name = nth === 0 ? html`${app.name}${count}` : undefined;
  const override =
    one.override === "UNKNOWN" ? undefined : html`<br><span class="soft small">said by an operator</span>`;
  const held =
    one.heldSinceMs === undefined
      ? undefined
      : html` <span class="pill held-pill" title="since ${toTime(one.heldSinceMs)}">held</span>`;
  return html`<tr><td class="${app.name.length <= WHOLE_MAX ? "app short" : "app"}">${name}</td><td class="id">${toLink(one.url, one.id)}</td><td><span class="pill ${one.status}">${one.status}</span>${held}${override}</td><td class="at" data-name="at">${toAddress(one.address)}</td><td class="short" data-name="zone">${one.zone}</td><td class="soft short" data-name="via">${one.via}</td><td class="time soft" data-name="heartbeat">${toBeat(one, nowMs)}</td></tr>
`;
}

/** IPv6 addresses are long: lines may end between their groups. */
function toAddress(address: string): Html | string {
  if (address.indexOf(":") === address.lastIndexOf(":")) return address;
  return new Html(address.split(":").map(escapeHtml).join(":<wbr>"));
}

/** An instance that never sent a heartbeat may have a lease all the same, which began with its registration. */
function toBeat({ lastBeatMs, registeredAtMs, hasLease }: ShownInstance, nowMs: number): string {
  if (lastBeatMs !== 0) return `${toSpan(nowMs - lastBeatMs)} ago`;
  return hasLease ? `registered ${toSpan(nowMs - registeredAtMs)} ago` : "–";
}

function writePeers({ peers }: Dashboard): Html {
  if (peers.length === 0)
    return html`<h2>Peers</h2><div class="card"><p class="soft" style="padding:.3rem 1rem">None are configured.</p></div>`;
  const rows = peers.map(
    ({ url, reachable, waiting }) =>
      html`<tr><td>${url}</td><td><span class="pill ${reachable ? "UP" : "DOWN"}">${reachable ? "reachable" : "out of reach"}</span></td><td data-name="waiting">${waiting}</td></tr>`,
  );
  return html`<h2>Peers</h2><div class="card stack"><table><tr class="head"><th>URL</th><th>State</th><th>Waiting to be sent</th></tr>${rows}</table></div>`;
}

function writeServer({ account, accounts, region, replicator, startedAtMs }: Dashboard): Html {
  const links = accounts.map((name, nth) => {
    const comma = nth === 0 ? "" : ", ";
    return name === account ? html`${comma}<b>${name}</b>` : html`${comma}<a href="/${toQuery(name)}">${name}</a>`;
  });
  return html`<h2>Server</h2><div class="card"><dl><dt>Account</dt><dd>${links}</dd><dt>Region</dt><dd>${region}</dd>
<dt>Store</dt><dd>${replicator}</dd><dt>Started</dt><dd>${toTime(startedAtMs)}</dd></dl></div>
<footer>What is committed is in the next fetch: there is no response cache to wait for. Leases end after one duration.</footer>`;
}
