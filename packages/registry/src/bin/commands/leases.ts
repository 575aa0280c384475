import type { LeaseBody } from "@rollcall/client";
import type { Command } from "commander";
import { type Context, connect, inAccount } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { collect, toPairs, toTtl } from "../terminal/flags.ts";
import { type Cell, inOrder, type Output, toAge, toLeft, toSpan } from "../terminal/output.ts";
import { allPages } from "./catalog.ts";

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

  defineLease(program);
  const held = program
    .command("held")
    .summary("list or release what protection holds")
    .description("Leases that lapsed but are kept, because too many fell silent together.");
  held
    .command("list", { isDefault: true })
    .summary("list held leases")
    .description("Lists held leases with the reason and since when.")
    .action(async (_flags: object, self: Command) => listHeld(await connect(self)));
  held
    .command("release [leases...]")
    .summary("let held leases go")
    .description(
      "Lets held leases go now, with all that they keep: these, those that keep an instance of a service, or all.",
    )
    .option("--service <name>", "those that keep an instance of this service")
    .option("--dry", "only say how many would go")
    .action(async (leases: string[], flags: { service?: string; dry?: boolean }, self: Command) => {
      if (leases.length > 0 && flags.service !== undefined)
        throw new Failure(EXIT.usage, "give leases, or --service, not both");
      await releaseHeld(await connect(self), leases, flags);
    });
}

async function releaseHeld(
  { client, out }: Context,
  leases: string[],
  flags: { service?: string; dry?: boolean },
): Promise<void> {
  const { service, dry = false } = flags;
  const named = leases.length > 0 ? leases : undefined;
  const answer = await client.leases.release(service === undefined ? named : { service }, { dry });
  if (out.json) out.document(answer);
  else out.line(`${answer.released === 1 ? "1 lease" : `${answer.released} leases`} ${dry ? "would be " : ""}released`);
  if (answer.missing.length > 0) throw new Failure(EXIT.notFound, `lease ${answer.missing.join(", ")} is not held`);
}

interface GrantFlags {
  readonly ttl: string;
  readonly meta?: string[];
}

function defineLease(program: Command): void {
  const lease = program
    .command("lease")
    .summary("grant, renew or end a lease")
    .description("Grants, renews and ends leases that instances and keys can share.");
  lease
    .command("grant [lease]")
    .summary("grant a lease")
    .description("Grants a lease and prints its name, which the registry makes when none is given.")
    .option("--ttl <duration>", "time to live, such as 10s", "30s")
    .option("--meta <key=value>", "a note on it (repeatable)", collect)
    .action(async (name: string | undefined, flags: GrantFlags, self: Command) => {
      const { client, out } = await connect(self);
      const meta = toPairs(flags.meta, "--meta");
      const answer = await client.leases.grant({
        ...(name !== undefined && { lease: name }),
        ttl: toTtl(flags.ttl, false),
        ...(meta && { meta }),
      });
      if (out.json) return out.document(answer);
      out.line(answer.lease);
      out.note(`granted for ${toSpan(answer.ttlMs)} (revision ${answer.revision}); renew it before that`);
    });
  lease
    .command("renew <lease>")
    .summary("keep a lease alive")
    .description("Renews a lease: its time to live begins anew. Exit code 4 when it is not there.")
    .action(async (name: string, _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const answer = await client.leases.renew(name);
      if (out.json) out.document(answer);
      else out.line(`${name} renewed${answer.ttlMs === null ? "; it has no ttl" : ` for ${toSpan(answer.ttlMs)}`}`);
    });
  lease
    .command("end <lease>")
    .summary("end a lease with all that it keeps alive")
    .description("Ends a lease, and every instance and key that it keeps alive. Exit code 4 when it is not there.")
    .action(async (name: string, _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const answer = await client.leases.end(name);
      if (out.json) out.document(answer);
      else out.line(`${name} ended (revision ${answer.revision})`);
    });
}

async function listLeases(context: Context): Promise<void> {
  const { client, out } = context;
  const body = await allPages("leases", (from) => client.leases.list({ from }));
  if (out.json) return out.document(body);
  const nowMs = Date.now();
  out.table(
    [
      { title: "lease", whole: true },
      { title: "ttl", right: true },
      { title: "ends", right: true },
      { title: "beats", right: true },
      { title: "last beat", right: true },
      { title: "via" },
      { title: "note" },
    ],
    inOrder(
      body.leases.map((one): Cell[] => [
        one.lease,
        toSpan(one.ttlMs),
        endOf(one, nowMs),
        String(one.beats),
        one.lastBeatAt === null ? "-" : `${toAge(one.lastBeatAt, nowMs)} ago`,
        one.via,
        noteOf(one),
      ]),
    ),
    `no leases${inAccount(context)}`,
  );
}

function endOf({ expiresAt }: LeaseBody, nowMs: number): Cell {
  if (expiresAt === null) return { text: "never", tone: "dim" };
  if (Date.parse(expiresAt) < nowMs) return { text: `${toAge(expiresAt, nowMs)} ago`, tone: "warn" };
  return `in ${toLeft(expiresAt, nowMs)}`;
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
    ...(lease.keptBy === undefined ? [] : [["kept by", `node ${lease.keptBy}`] as const]),
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
  const body = await allPages("leases", (from) => client.leases.held({ from }));
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
