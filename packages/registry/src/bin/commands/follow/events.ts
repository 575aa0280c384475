import type { Client, EventBody, EventsBody, EventsPageOptions, LeaseBody } from "@rollcall/client";
import { type Command, InvalidArgumentError } from "commander";
import type { Cause, Change } from "../../../core/index.ts";
import { downNote, isToldTwice } from "../../terminal/changes.ts";
import { type Context, connect, untilInterrupted } from "../../terminal/connection.ts";
import { collect, toWhole } from "../../terminal/flags.ts";
import { type Cell, type Output, type Tone, toClock } from "../../terminal/output.ts";

interface EventFlags {
  readonly after?: string;
  readonly type?: string[];
  readonly service?: string[];
  readonly last: string;
  readonly follow?: boolean;
  readonly all?: boolean;
}

export function defineEvents(program: Command): void {
  program
    .command("events")
    .summary("show the events feed")
    .description("Shows the latest events, oldest first. JSON with --follow gives one event a line.")
    .option("--type <type>", "only this type, such as instance.expired (repeatable)", collectType)
    .option("--service <service>", "only of this service's instances (repeatable)", collect)
    .option("--after <cursor>", "everything after this event's id instead of the latest")
    .option("--last <number>", "how many of the latest", "50")
    .option("--all", "also the leases of their own of instances, which come and go with them")
    .option("-f, --follow", "go on with new events until Ctrl-C")
    .action(async (flags: EventFlags, self: Command) => showEvents(await connect(self), flags));
}

const KINDS: Readonly<Record<Change["kind"], true>> = { instance: true, lease: true, key: true };
const CAUSES: Readonly<Record<Cause, true>> = {
  registered: true,
  updated: true,
  reported: true,
  overridden: true,
  deregistered: true,
  granted: true,
  closed: true,
  expired: true,
  held: true,
  released: true,
  put: true,
  deleted: true,
};

/** `*`, `<kind>.*` or `<kind>.<cause>`. */
export function collectType(value: string, before: readonly string[] | undefined): string[] {
  const [kind = "", cause = "", ...more] = value.split(".");
  const known = Object.hasOwn(KINDS, kind) && (cause === "*" || Object.hasOwn(CAUSES, cause)) && more.length === 0;
  if (known || value === "*") return collect(value, before);
  const [kinds, causes] = [KINDS, CAUSES].map((names) => Object.keys(names).join(", "));
  throw new InvalidArgumentError(`It must be <kind>.<cause> or *. Kinds are ${kinds}; causes are ${causes} or *.`);
}

async function showEvents({ client, out }: Context, flags: EventFlags): Promise<void> {
  const lastMax = toWhole(flags.last, "--last", 0, LAST_MAX);
  const wanted = { types: flags.type, services: flags.service };
  const isShown = toShown(out, flags);
  // Known before the past is read: nothing falls between the past and what follows.
  const { revision } = await client.status();
  const past =
    flags.after === undefined
      ? await latest(client, wanted, lastMax, isShown)
      : await since(client, wanted, flags.after, revision);
  if (out.json && !flags.follow) return out.document(past);
  const events = past.events.filter(isShown);
  for (const event of events) showEvent(out, event);
  if (!flags.follow) {
    if (events.length === 0) out.table([], [], "no events");
    return;
  }
  const signal = untilInterrupted();
  const follow = client.events({
    ...wanted,
    after: past.cursor,
    signal,
    onDown: (error) => out.note(downNote(error)),
    onLost: () => out.note("some events are lost: history no longer reaches back so far"),
  });
  for await (const event of follow) {
    if (isShown(event)) showEvent(out, event);
    await out.taken(signal);
  }
}

type IsShown = (event: EventBody) => boolean;

/** Whoever asks for types gets all of these, and scripts get everything. */
function toShown(out: Output, { all, type }: EventFlags): IsShown {
  if (out.json || all || type !== undefined) return () => true;
  return ({ type: name, lease, before, after }) =>
    lease === undefined || !isToldTwice(name.slice("lease.".length), (after ?? before) as LeaseBody | null);
}

type Wanted = Pick<EventsPageOptions, "types" | "services">;

const LAST_MAX = 10_000;

async function latest(client: Client, wanted: Wanted, lastMax: number, isShown: IsShown): Promise<EventsBody> {
  // What is told twice is at most every other one.
  const page = await client.eventsPage({ ...wanted, limit: Math.min(LAST_MAX, Math.max(1, 2 * lastMax)) });
  return { ...page, events: lastMax === 0 ? [] : page.events.filter(isShown).slice(-lastMax) };
}

const PAGE = 1000;

/** Everything after a cursor up to the revision of the call. */
async function since(client: Client, wanted: Wanted, after: string, revision: number): Promise<EventsBody> {
  const events: EventBody[] = [];
  let cursor = after;
  for (;;) {
    const page = await client.eventsPage({ ...wanted, after: cursor, limit: PAGE });
    events.push(...page.events);
    const isEnd = page.cursor === cursor || (page.events.length < PAGE && Number.parseInt(page.cursor, 10) >= revision);
    cursor = page.cursor;
    if (isEnd) return { ...page, events };
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
    // Its mark says nothing to people, and `--after` takes it without.
    { text: event.id.replace(/~.*/, "").padEnd(8), tone: "dim" },
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
