/** Checks as bodies have them: what is said of how they are run stands beside the rest. */
import type { CheckBody } from "@rollcall/client";
import { type Check, type CheckKind, isRun, LIMITS, PROBES, type Probe, refuseCheck } from "../../core/index.ts";
import type { Seen } from "../../dialects/contract.ts";
import { Fields, isObject, type Members } from "./fields.ts";
import { toTime } from "./numbers.ts";

const FIELDS: ReadonlySet<string> = new Set([
  "id",
  "kind",
  "name",
  "target",
  "interval",
  "timeout",
  "status",
  "method",
  "headers",
  "body",
  "expect",
  "redirects",
  "tls",
  "skipVerify",
  "serverName",
  "rise",
  "fall",
  "warnAfter",
]);
const KINDS: readonly CheckKind[] = ["reported", "ttl", "http", "tcp", "grpc", "udp", "http2"];
const INTERVAL_MS = 10_000;
const TIMEOUT_MS = 2000;
const NO_CHECKS: readonly Check[] = [];

export function readChecks(fields: Fields): readonly Check[] {
  const list = fields.list("checks", LIMITS.checksMax);
  if (list.length === 0) return NO_CHECKS;
  const ids = new Set<string>();
  return list.map((item, at) => {
    const check = readCheck(new Fields(item, FIELDS, `checks[${at}].`), fields);
    if (ids.has(check.id)) fields.fail(`checks[${at}].id is there twice`);
    ids.add(check.id);
    return check;
  });
}

function readCheck(fields: Fields, outer: Fields): Check {
  const kind = fields.text("kind", "reported") as CheckKind;
  if (kind === "exec")
    fields.fail("the registry runs no programs: run them beside the instance and report their results (kind reported)");
  else if (!KINDS.includes(kind)) fields.expected("kind", `one of ${KINDS.join(", ")}`, kind);
  if (kind === "reported") fields.need("id");
  const id = fields.printable("id", kind);
  if (id === "") fields.fail("the id of a check must not be empty");
  const probe = readProbe(fields);
  const check: Check = {
    id,
    kind,
    name: fields.text("name", id),
    target: fields.text("target", "", PROBES.targetLengthMax),
    intervalMs: fields.duration("interval", INTERVAL_MS),
    timeoutMs: fields.duration("timeout", TIMEOUT_MS),
    status: fields.status("status", "unknown"),
    output: "",
    reportedAtMs: 0,
    ...(probe === undefined ? {} : { probe }),
  };
  if (probe !== undefined && !isRun(check))
    fields.fail(`a check of kind ${kind} is not run, so it has no ${nameFirst(probe)}`);
  outer.adopt(fields.fault ?? refuseCheck(check));
  return check;
}

function nameFirst(probe: Probe): string {
  return Object.keys(probe)[0] as string;
}

/** Undefined when all is as usual. */
function readProbe(fields: Fields): Probe | undefined {
  const probe: Probe = {
    ...given(fields, "method", () => fields.text("method", "GET").toUpperCase(), "GET"),
    ...given(fields, "headers", () => readHeaders(fields)),
    ...given(fields, "body", () => fields.text("body", "", PROBES.bodyLengthMax), ""),
    ...given(fields, "expect", () => fields.text("expect", "")),
    ...given(fields, "redirects", () => fields.boolean("redirects", false), false),
    ...given(fields, "tls", () => fields.boolean("tls", false), false),
    ...given(fields, "skipVerify", () => fields.boolean("skipVerify", false), false),
    ...given(fields, "serverName", () => fields.text("serverName", "")),
    ...given(fields, "rise", () => fields.integer("rise", 1, 1, PROBES.rowMax), 1),
    ...given(fields, "fall", () => fields.integer("fall", 1, 1, PROBES.rowMax), 1),
    ...given(fields, "warnAfter", () => fields.integer("warnAfter", 1, 1, PROBES.rowMax)),
  };
  return Object.keys(probe).length === 0 ? undefined : probe;
}

/** The member, unless it is left out or as usual. */
function given<T>(fields: Fields, name: string, read: () => T, usual?: T): Readonly<Record<string, T>> {
  if (!fields.has(name)) return {};
  const value = read();
  return value === usual ? {} : { [name]: value };
}

function readHeaders(fields: Fields): NonNullable<Probe["headers"]> {
  const raw = fields.raw("headers");
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((item) => typeof item === "string");
  if (!isObject(raw) || !Object.values(raw).every((value) => typeof value === "string" || isTexts(value))) {
    fields.expected("headers", "an object of strings, or of arrays of strings", raw);
    return {};
  }
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [name, isTexts(value) ? value : [value as string]]),
  );
}

/** The ids of the checks of a body that gives them a status of their own. */
export function checksWithStatus(body: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const checks = isObject(body) ? body.checks : undefined;
  if (Array.isArray(checks))
    for (const check of checks as Members[]) if (check.status !== undefined) found.add(String(check.id ?? check.kind));
  return found;
}

/** What would register this check anew. */
export function toRegisterCheck({ id, kind, name, target, intervalMs, timeoutMs, probe }: Check): Members {
  return { id, kind, name, target, interval: `${intervalMs}ms`, timeout: `${timeoutMs}ms`, ...probe };
}

/** Headers and body may hold secrets, and are shown to nobody. `cameAtMs`: when its instance did. */
export function toCheckBody(check: Check, cameAtMs: number, seen?: Seen): CheckBody {
  const { reportedAtMs, probe, sinceMs, ...rest } = check;
  const { headers: _, body: __, ...shown }: Probe = probe ?? {};
  return {
    ...rest,
    ...shown,
    since: toTime(sinceMs ?? cameAtMs),
    reportedAt: reportedAtMs === 0 ? null : toTime(reportedAtMs),
    ...(seen !== undefined && { lastRun: toLastRun(seen) }),
  };
}

function toLastRun({ atMs, tookMs, status, output }: Seen): NonNullable<CheckBody["lastRun"]> {
  return { at: toTime(atMs), tookMs: Math.round(tookMs), status, output };
}
