import type { ChangeBody, Client, CommitBody, InstanceBody, KeyBody, LeaseBody, WatchItem } from "@rollcall/client";
import type { Command } from "commander";
import { type Context, connect, toWhole, untilInterrupted } from "../terminal/context.ts";
import { type Cell, type Output, type Tone, toClock } from "../terminal/output.ts";
import { toInstanceTable } from "./catalog.ts";

interface WatchFlags {
  readonly key?: string;
  readonly prefix?: string;
  readonly after?: string;
  readonly table?: boolean;
}

export function defineWatch(program: Command): void {
  program
    .command("watch [services...]")
    .summary("follow changes as they happen")
    .description("Follows every change, or those of some services or keys, until Ctrl-C. JSON gives one commit a line.")
    .option("--key <key>", "changes of this configuration key")
    .option("--prefix <prefix>", "changes of all keys that begin with this")
    .option("--after <revision>", "begin after this revision instead of now")
    .option("--table", "a live table of instances instead of lines (terminals only)")
    .action(async (services: string[], flags: WatchFlags, self: Command) => {
      const context = await connect(self);
      const isLive = flags.table === true && !context.out.json && context.out.width !== undefined;
      if (isLive) await watchTable(context, services);
      else await watchLines(context, services, flags);
    });
}

async function watchLines({ client, out }: Context, services: readonly string[], flags: WatchFlags): Promise<void> {
  const items = client.watch({
    ...(services.length > 0 && { service: services }),
    ...(flags.key !== undefined && { key: flags.key }),
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
    ...(flags.after !== undefined && { after: toWhole(flags.after, "--after") }),
    signal: untilInterrupted(),
    onDown: (error) => out.note(downNote(error)),
  });
  // Out of reach from the start is an error, not something to wait for.
  await client.status();
  for await (const item of items) showItem(out, item);
}

export function downNote(error: unknown): string {
  return `lost touch, trying again${error instanceof Error ? `: ${error.message}` : ""}`;
}

export function showItem(out: Output, item: WatchItem): void {
  if (out.json) {
    if (item.kind === "commit") out.object(item.commit);
    else if (item.kind === "resync") out.object({ resync: { revision: item.revision, compacted: item.compacted } });
  } else if (item.kind === "commit") for (const change of item.commit.changes) showChange(out, item.commit, change);
  else if (item.kind === "resync")
    out.line(
      out.paint({
        text: `some changes are lost: history begins at revision ${item.compacted}; going on from ${item.revision}`,
        tone: "warn",
      }),
    );
  else out.note(out.paint({ text: `watching from revision ${item.revision}`, tone: "dim" }));
}

const TONES: Readonly<Record<string, Tone>> = {
  registered: "good",
  granted: "dim",
  deregistered: "warn",
  expired: "bad",
  held: "warn",
  deleted: "warn",
};

function showChange(out: Output, commit: CommitBody, change: ChangeBody): void {
  const time = out.paint({ text: toClock(commit.at), tone: "dim" });
  const revision = out.paint({ text: String(commit.revision).padStart(6), tone: "dim" });
  const cause = change.cause.padEnd(12);
  const what = out.paint({ text: cause, tone: TONES[change.cause] ?? "plain" });
  const rest: Cell = { text: describe(change), tone: "dim" };
  out.line(`${time}  ${revision}  ${what}  ${out.paint(subjectOf(change))}  ${out.paint(rest)}`.trimEnd());
}

function subjectOf(change: ChangeBody): string {
  if (change.kind === "instance") return `${change.service}/${change.id}`;
  return change.kind === "key" ? `key ${change.key}` : `lease ${change.lease}`;
}

function describe(change: ChangeBody): string {
  if (change.reason) return change.reason;
  if (change.after === null) return "";
  if (change.kind === "instance") {
    const after = change.after as InstanceBody;
    return `${after.address}:${after.port} ${after.status}`;
  }
  if (change.kind === "key") return JSON.stringify((change.after as KeyBody).value) ?? "";
  return `ttl ${(change.after as LeaseBody).ttlMs / 1000}s`;
}

const CLEAR = "\x1b[H\x1b[2J";
/** Ages grow also while nothing changes. */
const REDRAW_MS = 2000;

async function watchTable({ client, out }: Context, services: readonly string[]): Promise<void> {
  let drawing = false;
  const draw = async () => {
    if (drawing) return;
    drawing = true;
    try {
      drawTable(out, await loadInstances(client, services), services.length !== 1);
    } finally {
      drawing = false;
    }
  };
  await draw();
  const redraw = () => void draw().catch((error: unknown) => out.note(downNote(error)));
  const timer = setInterval(redraw, REDRAW_MS);
  const items = client.watch({ ...(services.length > 0 && { service: services }), signal: untilInterrupted() });
  for await (const _item of items) redraw();
  clearInterval(timer);
}

function drawTable(out: Output, instances: readonly InstanceBody[], withService: boolean): void {
  const nowMs = Date.now();
  const [columns, rows] = toInstanceTable(instances, withService, nowMs);
  const head = `${instances.length} instances · ${toClock(new Date(nowMs).toISOString())} · Ctrl-C ends`;
  process.stdout.write(CLEAR);
  out.line(out.paint({ text: head, tone: "dim" }));
  out.line("");
  out.table(columns, rows, "no instances");
}

async function loadInstances(client: Client, services: readonly string[]): Promise<InstanceBody[]> {
  if (services.length === 0) return (await client.instances({ limit: 1000 })).instances;
  const bodies = await Promise.all(services.map((service) => client.service(service)));
  return bodies.flatMap((body) => body.instances);
}
