/** Refusals and other problems in the native API's words: RFC 9457. */
import type { Refusal, Refused } from "../../core/index.ts";
import type { Headers } from "../../net/http/head.ts";
import { PROBLEM_TYPE, problemOf } from "../../net/http/problem.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Endpoint, House } from "../contract.ts";

/** RFC 9110 §15. `exists` and `conflict` only come from conditions that the request states. */
const STATUS_OF: Readonly<Record<Refusal, number>> = {
  invalid: 400,
  "too-large": 413,
  limit: 429,
  forbidden: 403,
  "not-found": 404,
  exists: 412,
  conflict: 412,
  compacted: 410,
  unsupported: 501,
  unavailable: 503,
  unknown: 504,
};

/** Seconds after which it makes sense to try again; undefined where it makes none. */
const RETRY_AFTER: Readonly<Partial<Record<Refusal, string>>> = { limit: "1", unavailable: "1" };

export function toProblem(status: number, name: string, detail: string, headers?: Headers): Answer {
  return { status, head: { "Content-Type": PROBLEM_TYPE, ...headers }, body: problemOf(status, name, detail) };
}

export function toRefusal({ refusal, detail }: Refused): Answer {
  const retry = RETRY_AFTER[refusal];
  return toProblem(STATUS_OF[refusal], refusal, detail, retry === undefined ? {} : { "Retry-After": retry });
}

/** RFC 9110 §15.5.2: 401 names the scheme. */
export function toUnauthorized({ detail }: Refused): Answer {
  return toProblem(401, "unauthorized", detail, { "WWW-Authenticate": 'Bearer realm="rollcall"' });
}

export function toMissing({ paths, status }: Pick<House, "paths" | "status">, path: string): Answer {
  const known = `${path}/`;
  const [dialect] =
    paths.find(([, begins]) => begins.some((begin) => known.startsWith(begin) && begin !== NATIVE)) ?? [];
  const hint = dialect === undefined ? "see /openapi.json" : sayWhere(dialect, status.endpoints());
  return toProblem(404, "not-found", `there is nothing at ${path.slice(0, 200)}; ${hint}`);
}

const NATIVE = "/v2/";

/** For a client of another protocol that came to the wrong port. */
function sayWhere(dialect: string, endpoints: readonly Endpoint[]): string {
  const found = endpoints.find((one) => one.dialect === dialect && one.scheme.startsWith("http"));
  if (found === undefined) return `such paths are those of ${dialect}, which is not opened here (dialects)`;
  return `such paths are those of ${dialect}, on port ${found.port}`;
}

export function toWrongMethod(method: string, allow: string): Answer {
  const detail = `${method} is not possible here; possible are ${allow}`;
  return toProblem(405, "method-not-allowed", detail, { Allow: allow });
}

export function toFailure(): Answer {
  return toProblem(500, "internal", "the registry failed to answer this; its log says more");
}
