/** What `session/create` is sent. */
import { type Outcome, ok, type Refused, refuse } from "../../../core/index.ts";
import type { Json } from "../../../net/routes/json.ts";
import { SESSION_TTL_MS_MAX } from "../settings.ts";
import { NS_PER_MS, parseDuration } from "../wire/duration.ts";
import { Fields } from "../wire/fields.ts";
import type { Behavior, ServiceCheck, Session } from "./record.ts";

/** The check that every node has. */
export const NODE_CHECK = "serfHealth";
const LOCK_DELAY_MS = 15_000;
/** Numbers below this are seconds, as people write them; else nanoseconds. */
const SECONDS_BELOW = 1000;
const NAME_LENGTH_MAX = 4096;
const CHECKS_MAX = 128;

/** A session to be, and the lease's time in ms: that of its TTL. */
export interface Wanted {
  readonly said: Omit<Session, "id">;
  readonly ttlMs: number;
}

export function readSession(body: Json, node: string, ttlMinMs: number): Outcome<Wanted> {
  const fields = Fields.of(body ?? {});
  if (!fields.ok) return fields;
  const given = fields.value;
  const name = given.text("Name");
  const said: Omit<Session, "id"> = {
    name,
    node: given.text("Node") || node,
    behavior: (given.text("Behavior") || "release") as Behavior,
    lockDelayMs: 0,
    ttl: given.text("TTL"),
    nodeChecks: readChecks(given),
    serviceChecks: given.objects("ServiceChecks").map(readServiceCheck),
  };
  if (given.wrong !== undefined) return given.wrong;
  const lockDelayMs = readLockDelay(given.raw("LockDelay"));
  if (!lockDelayMs.ok) return lockDelayMs;
  const refused = refuseSession(said);
  if (refused !== undefined) return refused;
  const ttlMs = readTtl(said.ttl, ttlMinMs);
  return ttlMs.ok ? ok({ said: { ...said, lockDelayMs: lockDelayMs.value }, ttlMs: ttlMs.value }) : ttlMs;
}

/** An empty list is none; one that is left out is the node's own check. */
function readChecks(given: Fields): readonly string[] {
  for (const name of ["NodeChecks", "Checks"]) if (given.has(name)) return given.texts(name);
  return [NODE_CHECK];
}

function readServiceCheck(check: Fields): ServiceCheck {
  return { ID: check.text("ID"), Namespace: check.text("Namespace") };
}

function refuseSession({ name, behavior, nodeChecks, serviceChecks }: Omit<Session, "id">): Refused | undefined {
  if (behavior !== "release" && behavior !== "delete")
    return refuse("invalid", `Invalid Behavior setting '${String(behavior).slice(0, 100)}'`);
  if (name.length > NAME_LENGTH_MAX) return refuse("invalid", `Name is longer than ${NAME_LENGTH_MAX} characters`);
  if (nodeChecks.length + serviceChecks.length > CHECKS_MAX) return refuse("invalid", `more than ${CHECKS_MAX} checks`);
  return undefined;
}

function readTtl(ttl: string, minMs: number): Outcome<number> {
  if (ttl === "") return ok(Number.POSITIVE_INFINITY);
  const read = parseDuration(ttl);
  if (!read.ok) return refuse("invalid", `Session TTL '${ttl.slice(0, 100)}' invalid: ${read.detail}`);
  // As in the original: none at all.
  if (read.value === 0) return ok(Number.POSITIVE_INFINITY);
  if (read.value >= minMs && read.value <= SESSION_TTL_MS_MAX) return read;
  return refuse(
    "invalid",
    // It says the first one in ns.
    `Invalid Session TTL '${read.value * 1e6}', must be between [${minMs / 1000}s=${SESSION_TTL_MS_MAX / 3_600_000}h0m0s]`,
  );
}

function readLockDelay(given: Json): Outcome<number> {
  if (given == null || given === "") return ok(LOCK_DELAY_MS);
  if (typeof given === "string" && !/^[0-9]+$/.test(given)) {
    const read = parseDuration(given);
    if (!read.ok) return refuse("invalid", `Request decode failed: ${read.detail}`);
    // A few nanoseconds are a few seconds that somebody forgot to say.
    const ns = read.value * NS_PER_MS;
    return ok(Math.max(0, ns < SECONDS_BELOW ? ns * 1000 : read.value));
  }
  const number = Number(given);
  if (typeof given === "object" || !Number.isFinite(number))
    return refuse("invalid", "Request decode failed: LockDelay must be a duration");
  return ok(Math.max(0, number < SECONDS_BELOW ? number * 1000 : number / NS_PER_MS));
}
