import type { Client, InstanceBody } from "@rollcall/client";
import type { Command } from "commander";
import { downNote, showItem } from "../../terminal/changes.ts";
import { type Context, checkReached, connect, untilInterrupted } from "../../terminal/connection.ts";
import { toWhole } from "../../terminal/flags.ts";
import { toInstanceTable } from "../../terminal/instances.ts";
import { type Output, toClock } from "../../terminal/output.ts";
import { stdout } from "../../terminal/streams.ts";

interface WatchFlags {
  readonly key?: string;
  readonly prefix?: string;
  readonly after?: string;
  readonly table?: boolean;
  readonly all?: boolean;
}

export function defineWatch(program: Command): void {
  program
    .command("watch [services...]")
    .summary("follow changes as they happen")
    .description("Follows every change, or those of some services or keys, until Ctrl-C. JSON gives one commit a line.")
    .option("--key <key>", "changes of this configuration key")
    .option("--prefix <prefix>", "changes of all keys that begin with this")
    .option("--after <revision>", "begin after this revision instead of now")
    .option("--all", "also the leases of their own of instances, which come and go with them")
    .option("--table", "a live table of instances instead of lines (terminals only)")
    .action(async (services: string[], flags: WatchFlags, self: Command) => {
      const context = await connect(self);
      const isLive = flags.table === true && !context.out.json && context.out.width !== undefined;
      if (isLive) await watchTable(context, services);
      else await watchLines(context, services, flags);
    });
}

async function watchLines({ client, out }: Context, services: readonly string[], flags: WatchFlags): Promise<void> {
  const after = flags.after === undefined ? undefined : toWhole(flags.after, "--after");
  // Out of reach from the start is an error, not something to wait for.
  await checkReached(client, after);
  const signal = untilInterrupted();
  const items = client.watch({
    ...(services.length > 0 && { service: services }),
    ...(flags.key !== undefined && { key: flags.key }),
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
    ...(after !== undefined && { after }),
    signal,
    onDown: (error) => out.note(downNote(error)),
  });
  for await (const item of items) {
    showItem(out, item, flags.all === true);
    await out.taken(signal);
  }
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
  stdout().write(CLEAR);
  out.line(out.paint({ text: head, tone: "dim" }));
  out.line("");
  out.table(columns, rows, "no instances");
}

async function loadInstances(client: Client, services: readonly string[]): Promise<InstanceBody[]> {
  if (services.length === 0) return (await client.instances({ limit: 1000 })).instances;
  const bodies = await Promise.all(services.map((service) => client.service(service)));
  return bodies.flatMap((body) => body.instances);
}
