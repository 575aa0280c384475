import type { LeaseBody, LeasesBody } from "@rollcall/client";
import type { Command } from "commander";
import { type Context, connect, inAccount } from "../terminal/connection.ts";
import { type Cell, type Output, toAge, toLeft, toSpan } from "../terminal/output.ts";

export function defineLeases(program: Command): void {
  program
    .command("leases [lease]")
    .summary("list leases, or show one")
    .description("Lists leases with their heartbeats, or shows one with what it keeps alive.")
    .action(async (lease: string | undefined, _flags: object, self: Command) => {
      const context = await connect(self);
      if (lease === undefined) await listLeases(context);
      else await showLease(context, lease);
    });

  const held = program
    .command("held")
    .summary("list or release what protection holds")
    .description("Leases that lapsed but are kept, because too many lapsed at once.");
  held
    .command("list", { isDefault: true })
    .summary("list held leases")
    .description("Lists held leases with the reason and since when.")
    .action(async (_flags: object, self: Command) => listHeld(await connect(self)));
  held
    .command("release [leases...]")
    .summary("let held leases go")
    .description("Lets held leases go now: these, or all of them.")
    .action(async (leases: string[], _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const answer = await client.leases.release(leases.length > 0 ? leases : undefined);
      if (out.json) out.document(answer);
      else out.line(`${answer.released === 1 ? "1 lease" : `${answer.released} leases`} released`);
    });
}

async function listLeases(context: Context): Promise<void> {
  const { client, out } = context;
  const first: LeasesBody = await client.leases.list();
  const leases = [...first.leases];
  for (let next = first.next; next !== null; ) {
    const page = await client.leases.list({ from: next });
    leases.push(...page.leases);
    next = page.next;
  }
  if (out.json) return out.document({ ...first, leases, next: null });
  const nowMs = Date.now();
  out.table(
    [
      { title: "lease" },
      { title: "ttl", right: true },
      { title: "ends", right: true },
      { title: "beats", right: true },
      { title: "last beat", right: true },
      { title: "via" },
      { title: "note" },
    ],
    leases.map((one): Cell[] => [
      one.lease,
      toSpan(one.ttlMs),
      endOf(one, nowMs),
      String(one.beats),
      one.lastBeatAt === null ? "-" : `${toAge(one.lastBeatAt, nowMs)} ago`,
      one.via,
      noteOf(one),
    ]),
    `no leases${inAccount(context)}`,
  );
}

function endOf(lease: LeaseBody, nowMs: number): Cell {
  if (Date.parse(lease.expiresAt) < nowMs) return { text: `${toAge(lease.expiresAt, nowMs)} ago`, tone: "warn" };
  return `in ${toLeft(lease.expiresAt, nowMs)}`;
}

function noteOf(lease: LeaseBody): Cell {
  if (lease.held !== null) return { text: `held: ${lease.held.reason}`, tone: "warn" };
  return lease.own ? { text: "an instance's own", tone: "dim" } : "";
}

async function showLease({ client, out }: Context, id: string): Promise<void> {
  const lease = await client.leases.get(id);
  if (out.json) return out.document(lease);
  const nowMs = Date.now();
  const members = [
    ...(lease.instances ?? []).map((one) => `${one.service}/${one.id}`),
    ...(lease.keys ?? []).map((key) => `key ${key}`),
  ];
  out.fields([
    ["lease", lease.lease],
    ["ttl", toSpan(lease.ttlMs)],
    ["ends", endOf(lease, nowMs)],
    [
      "heartbeats",
      lease.lastBeatAt === null ? "none yet" : `${lease.beats}; the last ${toAge(lease.lastBeatAt, nowMs)} ago`,
    ],
    ["granted", `${toAge(lease.grantedAt, nowMs)} ago through ${lease.via}`],
    ...(lease.held === null ? [] : [["held", heldText(lease, nowMs)] as const]),
    ...Object.entries(lease.meta).map(([key, value]) => [`meta ${key}`, value] as const),
    ["keeps alive", members.join(", ") || "nothing"],
  ]);
}

function heldText(lease: LeaseBody, nowMs: number): Cell {
  return { text: `since ${toAge(lease.held?.since, nowMs)}: ${lease.held?.reason ?? ""}`, tone: "warn" };
}

async function listHeld({ client, out }: Context): Promise<void> {
  const body = await client.leases.held();
  if (out.json) return out.document(body);
  showHeld(out, body.leases);
}

function showHeld(out: Output, leases: readonly LeaseBody[]): void {
  const nowMs = Date.now();
  out.table(
    [{ title: "lease" }, { title: "ttl", right: true }, { title: "held for", right: true }, { title: "why" }],
    leases.map((one) => [one.lease, toSpan(one.ttlMs), toAge(one.held?.since, nowMs), one.held?.reason ?? ""]),
    "nothing is held",
  );
}
