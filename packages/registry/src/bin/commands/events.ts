import type { Client, EventBody } from "@rollcall/client";
import type { Command } from "commander";
import { type Context, collect, connect, toWhole, untilInterrupted } from "./context.ts";
import { type Cell, type Output, type Tone, toClock } from "./output.ts";
import { downNote } from "./watch.ts";

interface EventFlags {
  readonly after?: string;
  readonly type?: string[];
  readonly last: string;
  readonly follow?: boolean;
}

export function defineEvents(program: Command): void {
  program
    .command("events")
    .summary("show the events feed")
    .description("Shows the latest events, oldest first. JSON with --follow gives one event a line.")
    .option("--type <type>", "only this type, such as instance.expired (repeatable)", collect)
    .option("--after <cursor>", "everything after this event's id instead of the latest")
    .option("--last <number>", "how many of the latest", "50")
    .option("-f, --follow", "go on with new events until Ctrl-C")
    .action(async (flags: EventFlags, self: Command) => showEvents(await connect(self), flags));
}

async function showEvents({ client, out }: Context, flags: EventFlags): Promise<void> {
  const lastMax = toWhole(flags.last, "--last", 0, 100_000);
  const types = flags.type === undefined ? {} : { types: flags.type };
  const past = await pastEvents(client, flags.after, types, lastMax);
  if (out.json && !flags.follow) return out.document({ events: past.events, cursor: past.cursor });
  for (const event of past.events) showEvent(out, event);
  if (!flags.follow) {
    if (past.events.length === 0) out.table([], [], "no events");
    return;
  }
  const signal = untilInterrupted();
  const onDown = (error: unknown) => out.note(downNote(error));
  for await (const event of client.events({ after: past.cursor, follow: true, signal, onDown, ...types }))
    showEvent(out, event);
}

interface Past {
  readonly events: EventBody[];
  readonly cursor: string;
}

/** Everything after `after`; without it, the latest `lastMax`: each event has a revision, so few revisions are read. */
async function pastEvents(
  client: Client,
  after: string | undefined,
  types: { types?: string[] },
  lastMax: number,
): Promise<Past> {
  const { revision, floor } = await client.status();
  let span = lastMax;
  for (;;) {
    const from = Math.max(floor, revision - span);
    const events: EventBody[] = [];
    for await (const event of client.events({ after: after ?? `${from}-0`, ...types })) events.push(event);
    const cursor = events.at(-1)?.id ?? after ?? `${revision}-0`;
    if (after !== undefined) return { events, cursor };
    // Other accounts' commits and other types took their share of the revisions: look further back.
    if (events.length >= lastMax || from <= floor) return { events: events.slice(-lastMax || events.length), cursor };
    span = span * 8 + 64;
  }
}

const TONES: Readonly<Record<string, Tone>> = {
  registered: "good",
  expired: "bad",
  held: "warn",
  deregistered: "warn",
};

function showEvent(out: Output, event: EventBody): void {
  if (out.json) {
    out.object(event);
    return;
  }
  const cause = event.type.slice(event.type.indexOf(".") + 1);
  const subject = event.service !== undefined ? `${event.service}/${event.instance}` : (event.key ?? event.lease ?? "");
  const cells: Cell[] = [
    { text: toClock(event.at), tone: "dim" },
    { text: event.id.padEnd(8), tone: "dim" },
    { text: event.type.padEnd(21), tone: TONES[cause] ?? "plain" },
    subject,
    { text: event.reason, tone: "dim" },
  ];
  out.line(
    cells
      .map((cell) => out.paint(cell))
      .join("  ")
      .trimEnd(),
  );
}
