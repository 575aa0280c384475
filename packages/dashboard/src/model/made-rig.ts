/** Instances and services for tests of the model. */
import type { InstanceBody } from "@rollcall/client";
import { type Summary, toSummaryOf } from "./summary.ts";

export function instance(id: string, change: Partial<InstanceBody> = {}): InstanceBody {
  return {
    service: "api",
    id,
    address: "10.0.0.1",
    port: 80,
    ports: { default: 80 },
    protocol: "http",
    tags: [],
    meta: {},
    version: "1",
    zone: "a",
    weight: 100,
    status: "passing",
    statusSince: "2026-01-01T00:00:00.000Z",
    declaredStatus: "passing",
    override: null,
    checks: [],
    lease: null,
    ttlMs: null,
    held: null,
    via: "http",
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
    createRevision: 1,
    modRevision: 1,
    ...change,
  };
}

export function failingCheck(output: string): Partial<InstanceBody> {
  const check = { id: "db", kind: "reported", name: "", target: "", intervalMs: 0, timeoutMs: 0 } as const;
  return {
    status: "critical",
    checks: [{ ...check, status: "critical", since: "2026-01-01T00:00:00.000Z", output, reportedAt: null }],
  };
}

export const HELD = { since: "2026-01-01T00:00:00.000Z", until: null, reason: "many at once" };

/** `all`: the status of each instance; `held` for a passing one that is held. */
export function service(name: string, ...all: (InstanceBody["status"] | "held")[]): Summary {
  return toSummaryOf(
    name,
    all.map((status, index) =>
      instance(`${name}-${index}`, { service: name, ...(status === "held" ? { held: HELD } : { status }) }),
    ),
  );
}
