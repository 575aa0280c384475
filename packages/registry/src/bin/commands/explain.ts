import type { ExplainBody, OverrideBody } from "@rollcall/client";
import type { Command } from "commander";
import { connect } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { type Cell, type Output, toAge, toLeft, toSpan, toStatus } from "../terminal/output.ts";

export function defineExplain(program: Command): void {
  program
    .command("explain <service> <id>")
    .summary("say why an instance is shown, held or gone")
    .description("Says when an instance came, what keeps it alive, and why it is shown, held or gone.")
    .action(async (service: string, id: string, _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const body = await client.explain(service, id);
      if (out.json) out.document(body);
      else showExplanation(out, body, Date.now());
      if (!body.present && body.gone === null && body.history.length === 0)
        throw new Failure(EXIT.notFound, `nothing is known of ${service}/${id}`);
    });
}

function showExplanation(out: Output, body: ExplainBody, nowMs: number): void {
  out.line(out.paint({ text: body.summary, tone: "bold" }));
  const pairs = [...life(body, nowMs), ...checks(body, nowMs)];
  if (pairs.length > 0) {
    out.line("");
    out.fields(pairs);
  }
  if (body.history.length === 0) return;
  out.line("");
  out.table(
    [
      { title: "ago", right: true },
      { title: "revision", right: true },
      { title: "what", whole: true },
      { title: "why", whole: true },
    ],
    body.history.map((one) => [toAge(one.at, nowMs), String(one.revision), one.cause, one.reason]),
    "",
  );
}

/** `draining by ops until 02:51:09: deploy 4711` */
function sayOverride({ status, by, until, reason }: OverrideBody): string {
  const end = until === null ? "" : ` until ${until}`;
  return `${status}${by === null ? "" : ` by ${by}`}${end}${reason === "" ? "" : `: ${reason}`}`;
}

type Pair = readonly [string, Cell];

function life(body: ExplainBody, nowMs: number): Pair[] {
  const pairs: Pair[] = [];
  const { instance, came, keptAliveBy, gone } = body;
  if (instance !== null) {
    pairs.push(["status", toStatus(instance.status, instance.held !== null)]);
    if (instance.override !== null) pairs.push(["override", sayOverride(instance.override)]);
    pairs.push(["address", `${instance.address}:${instance.port}`]);
  }
  if (came !== null)
    pairs.push(["came", `${toAge(came.at, nowMs)} ago through ${came.via} (revision ${came.revision})`]);
  if (keptAliveBy !== null) {
    const { lease, ttlMs, beats, beatIntervalMs, lastBeatAt, expiresAt, keptBy } = keptAliveBy;
    const every = beatIntervalMs === null ? "" : `, about every ${toSpan(beatIntervalMs)}`;
    const where = keptBy === undefined ? "" : `, at node ${keptBy}`;
    pairs.push([
      "kept alive by",
      `lease ${lease}, ${ttlMs === null ? "without a ttl" : `ttl ${toSpan(ttlMs)}`}${where}`,
    ]);
    pairs.push([
      "heartbeats",
      lastBeatAt === null ? "none yet" : `${beats}${every}; the last ${toAge(lastBeatAt, nowMs)} ago`,
    ]);
    if (expiresAt !== null && gone === null) pairs.push(["ends", ending(expiresAt, instance?.held?.since, nowMs)]);
  } else if (instance !== null) pairs.push(["kept alive by", "nothing: it is permanent"]);
  if (gone !== null) pairs.push(["gone", `${toAge(gone.at, nowMs)} ago: ${gone.cause} (revision ${gone.revision})`]);
  return pairs;
}

/** A held lease ends when protection lets it go. */
function ending(expiresAt: string, heldSince: string | undefined, nowMs: number): Cell {
  if (heldSince === undefined) return `in ${toLeft(expiresAt, nowMs)} without a heartbeat`;
  return {
    text: `held for ${toAge(heldSince, nowMs)}; let go in ${toLeft(expiresAt, nowMs)} without a heartbeat`,
    tone: "warn",
  };
}

function checks(body: ExplainBody, nowMs: number): Pair[] {
  return (body.instance?.checks ?? []).map((check): Pair => {
    const when = check.reportedAt === null ? "no result yet" : `${toAge(check.reportedAt, nowMs)} ago`;
    const { lastRun, output } = check;
    const run = lastRun === undefined ? "" : `; last run ${toAge(lastRun.at, nowMs)} ago: ${lastRun.status}`;
    return [`check ${check.id}`, `${check.status}, ${when}${run}${output === "" ? "" : `: ${output}`}`];
  });
}
