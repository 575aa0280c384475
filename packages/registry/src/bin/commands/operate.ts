/** What operators look at and do when much is wrong: protection, and a word on many instances at once. */
import type { OverriddenBody, OverridesAskedBody, ProtectionBody, Status } from "@rollcall/client";
import { type Command, Option } from "commander";
import { type Context, connect } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { STATUSES, toTtl } from "../terminal/flags.ts";
import { type Cell, type Output, toAge, toLeft, toSpan } from "../terminal/output.ts";
import { addFilters, type FilterFlags, toFilter } from "./catalog.ts";

interface OverridesFlags extends FilterFlags {
  readonly service?: string;
  readonly reason?: string;
  readonly for?: string;
  readonly dry?: boolean;
}

export function defineOperate(program: Command): void {
  program
    .command("protection")
    .summary("say what protection holds, why and until when")
    .description("Shows whether leases that lapsed are held, where, why and until when; or when they would be.")
    .action(async (_flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const body = await client.protection();
      if (out.json) out.document(body);
      else showProtection(out, body, Date.now());
    });
  const words = [...STATUSES, "none"];
  addFilters(
    program
      .command("overrides")
      .summary("override the status of all instances that match")
      .description(
        "An operator's word on all instances that match, such as all of a version; none takes it back. With --dry it says what would become of it.",
      )
      .addOption(new Option("--set <status>", "the word").choices(words).makeOptionMandatory())
      .option("--service <name>", "only of this service")
      .option("--reason <text>", "for those who look at it later")
      .option("--for <duration>", "it ends by itself after this")
      .option("--dry", "only say what would be done"),
  ).action(async (flags: OverridesFlags & { set: string }, self: Command) => {
    await overrideMany(await connect(self), flags, flags.set === "none" ? null : (flags.set as Status));
  });
}

async function overrideMany({ client, out }: Context, flags: OverridesFlags, status: Status | null): Promise<void> {
  const { status: statuses, ...rest } = toFilter(flags);
  const filter = {
    ...rest,
    ...(flags.service !== undefined && { service: flags.service }),
    ...(statuses !== undefined && { status: [statuses].flat() as string[] }),
  } as OverridesAskedBody["filter"];
  if (Object.keys(filter).length === 0)
    throw new Failure(EXIT.usage, "say which instances: --service, --with-version, …");
  const { reason, dry = false } = flags;
  const ttl = flags.for === undefined ? undefined : toTtl(flags.for, false);
  const body = await client.overrideMany({
    ...{ filter, status, dry },
    ...(reason !== undefined && status !== null && { reason }),
    ...(ttl !== undefined && status !== null && { ttl }),
  });
  if (out.json) out.document(body);
  else showOverridden(out, body);
}

function showOverridden(out: Output, { services, matched, changed, dry, revision }: OverriddenBody): void {
  const right = true;
  out.table(
    [
      { title: "service", whole: true },
      { title: "match", right },
      { title: "of", right },
      { title: "usable", right },
      { title: dry ? "would be" : "then", right },
    ],
    services.map(({ service, usableAfter, ...one }): Cell[] => [
      service,
      ...[one.matched, one.instances, one.usable].map(String),
      { text: String(usableAfter), tone: usableAfter === 0 && one.usable > 0 ? "bad" : "plain" },
    ]),
    "nothing matches",
  );
  out.note(
    dry ? `${changed} of ${matched} would be changed` : `${changed} of ${matched} changed (revision ${revision})`,
  );
}

function showProtection(out: Output, body: ProtectionBody, nowMs: number): void {
  const { limits, held, live, silent, elsewhere, since, until } = body;
  const state: Cell =
    body.state === "holding"
      ? { text: `holds ${held} since ${toAge(since, nowMs)}`, tone: "warn" }
      : body.state === "ready"
        ? { text: "ready: nothing is held", tone: "good" }
        : { text: "off: whatever lapses ends", tone: "warn" };
  out.fields([
    ["protection", state],
    ...(until === null ? [] : [["lets go", `in ${toLeft(until, nowMs)} at the latest`] as const]),
    [
      "holds from",
      `${limits.instancesMin} instances and ${Math.round(limits.shareMin * 100)} % of a service or account on, within ${toSpan(limits.windowMs)}, for ${toSpan(limits.holdMs)}`,
    ],
    ["heard", `${live}; ${silent} late${elsewhere > 0 ? `; ${elsewhere} at other nodes` : ""}`],
    ...Object.entries(body.zones).map(([zone, count]) => [`zone ${zone || "-"}`, `${count} held`] as const),
  ]);
  if (body.services.length === 0) return;
  out.line("");
  out.table(
    [
      { title: "service", whole: true },
      { title: "held", right: true },
      { title: "of", right: true },
      { title: "for", right: true },
      { title: "why" },
    ],
    body.services.map((one): Cell[] => [
      one.service,
      String(one.held),
      String(one.instances),
      toAge(one.since, nowMs),
      one.reason,
    ]),
    "",
  );
}
