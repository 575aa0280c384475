/**
 * Commands as an agent sends them on: those of the core, as plain data. What is sent by somebody who may only write in the
 * account is looked at member by member, and has no reserved names in it; all else takes a token that is good for all.
 */
import { type Author, type Command, isReserved, isStatus, type Outcome, ok, refuse } from "../../../core/index.ts";
import { Fields } from "../../../native/wire/fields.ts";
import { fromPlain } from "../../../net/link/plain.ts";
import type { Json } from "../../../net/routes/json.ts";

/** Within each other, in transactions. */
const DEPTH_MAX = 16;

export interface Forwarded {
  readonly command: Command;
  /** Who asked for it at the agent, where that says so. */
  readonly by: Author | undefined;
  /** Whether it may be done by whoever may write in the account. */
  readonly isOrdinary: boolean;
}

const FIELDS: ReadonlySet<string> = new Set(["command"]);

export function decodeForwarded(body: Json): Outcome<Forwarded> {
  const fields = new Fields(body, FIELDS);
  if (fields.fault !== undefined) return fields.fault;
  let command: unknown;
  try {
    command = fromPlain(fields.raw("command"));
  } catch (error) {
    return refuse("invalid", `the command is no plain data: ${(error as Error).message}`);
  }
  if (!isKinded(command)) return refuse("invalid", "command is missing, or has no kind");
  const { command: asked, by } = unsigned(command as unknown as Command);
  return ok({ command: asked, by, isOrdinary: isOrdinary(asked, 0) });
}

function unsigned(command: Command): { command: Command; by: Author | undefined } {
  if (command.kind !== "signed") return { command, by: undefined };
  return { command: command.command, by: author(command.by) ? command.by : undefined };
}

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKinded(value: unknown): value is Members & { readonly kind: string } {
  return isMembers(value) && typeof value.kind === "string";
}

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const truth: Check = (value) => typeof value === "boolean";
const number: Check = (value) => typeof value === "number" && !Number.isNaN(value);
const yes: Check = (value) => value === true;
/** Bytes, one in each character. */
const bytes: Check = (value) => typeof value === "string" && Buffer.from(value, "latin1").toString("latin1") === value;
/** Not empty either: a range from there on would hold the reserved ones. */
const key: Check = (value) => value !== "" && bytes(value) && !isReserved(value as string);
/** The end of a range: "" is the end of all. */
const end: Check = bytes;
const lease: Check = (value) => typeof value === "string" && !value.startsWith("\0");
const status: Check = isStatus;
const oneOf =
  (...words: readonly unknown[]): Check =>
  (value) =>
    words.includes(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const mapOf =
  (check: Check): Check =>
  (value) =>
    isMembers(value) && Object.values(value).every(check);

/** All of `needed`, any of `optional`, which may be undefined, and nothing else. */
function shape(needed: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check {
  return (value) =>
    isMembers(value) &&
    Object.entries(needed).every(([name, check]) => Object.hasOwn(value, name) && check(value[name])) &&
    Object.entries(value).every(
      ([name, member]) =>
        Object.hasOwn(needed, name) ||
        (Object.hasOwn(optional, name) && (member === undefined || optional[name]?.(member))),
    );
}

const author = shape({ token: orNull(shape({ id: text, name: text })), dialect: text, address: text });
const instanceKey = shape({ service: text, id: text });
const probe = shape(
  {},
  {
    method: text,
    headers: mapOf(listOf(text)),
    body: text,
    expect: text,
    redirects: yes,
    tls: yes,
    skipVerify: yes,
    serverName: text,
    rise: number,
    fall: number,
    warnAfter: number,
  },
);
const check = shape(
  {
    id: text,
    kind: oneOf("ttl", "http", "tcp", "grpc", "udp", "http2", "exec", "reported"),
    name: text,
    target: text,
    intervalMs: number,
    timeoutMs: number,
    status,
    output: text,
    reportedAtMs: number,
  },
  { probe },
);
const instance = shape({
  service: text,
  id: text,
  address: text,
  ports: mapOf(number),
  protocol: text,
  tags: listOf(text),
  meta: mapOf(text),
  version: text,
  zone: text,
  weight: number,
  status,
  checks: listOf(check),
  via: text,
});
const ttlLife = shape({ ttlMs: number }, { quiet: yes });
const leaseLife = shape({ lease });
const life: Check = (value) => oneOf("permanent", "keep")(value) || leaseLife(value) || ttlLife(value);
const comparison = oneOf("=", "!=", "<", ">");
const ofKey = { key, is: comparison };

/** By what they are on. */
const GUARDS: Readonly<Record<string, Check>> = {
  version: shape({ on: text, ...ofKey, than: number }, { to: end }),
  create: shape({ on: text, ...ofKey, than: number }, { to: end }),
  mod: shape({ on: text, ...ofKey, than: number }, { to: end }),
  value: shape({ on: text, ...ofKey, than: bytes }, { to: end }),
  lease: shape({ on: text, ...ofKey, than: text }, { to: end }),
  "detached-for": shape({ on: text, key, ms: number }, { to: end }),
  instance: shape({ on: text, id: text, exists: truth }, { service: text }),
  "instance-mod": shape({ on: text, instance: instanceKey, revision: number }),
  "lease-exists": shape({ on: text, lease, exists: truth }),
  "lease-held": shape({ on: text, lease }),
};

const guard: Check = (value) => isMembers(value) && typeof value.on === "string" && GUARDS[value.on]?.(value) === true;

/** By the kind of the command; but for `when`. */
const COMMANDS: Readonly<Record<string, Check>> = {
  grant: shape({ kind: text, lease, ttlMs: number, via: text }, { meta: mapOf(text), ifAbsent: truth, quiet: yes }),
  end: shape({ kind: text, lease, cause: oneOf("closed") }, { createRevision: number }),
  register: shape({ kind: text, instance, life }, { ifAbsent: truth, replaces: instanceKey }),
  deregister: shape({ kind: text, instance: instanceKey }),
  report: shape({ kind: text, instance: instanceKey, checkId: text, status, output: text }, { check }),
  override: shape({ kind: text, instance: instanceKey, status: orNull(status) }),
  put: shape(
    { kind: text, key, value: bytes },
    { lease: orNull(lease), keepValue: yes, keepLease: yes, atEnd: oneOf("delete", "detach"), ifAbsent: truth },
  ),
  delete: shape({ kind: text, from: key }, { to: end }),
  range: shape({ kind: text, from: key }, { to: end, limit: number, at: number }),
};

function isOrdinary(command: unknown, depth: number): boolean {
  if (!isKinded(command) || depth > DEPTH_MAX) return false;
  if (command.kind !== "when")
    return Object.hasOwn(COMMANDS, command.kind) && COMMANDS[command.kind]?.(command) === true;
  const steps = listOf((step) => isOrdinary(step, depth + 1));
  return shape({ kind: text, guards: listOf(guard), then: steps, otherwise: steps }, { early: yes })(command);
}
