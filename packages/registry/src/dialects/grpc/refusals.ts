/** The registry's refusals as statuses of gRPC, with details for programs. */
import type { Refusal, Refused } from "../../core/index.ts";
import { encodeDetails } from "../../net/grpc/details.ts";
import { CODES, type Code, Status } from "../../net/grpc/status.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { House } from "../contract.ts";

/** Of all reasons. */
const DOMAIN = "rollcall.dev";
/** Headers of an answer are bounded at clients, and the text is there three times. */
const TEXT_LENGTH_MAX = 1000;

const CODE_OF: Record<Refusal, Code> = {
  invalid: CODES.invalidArgument,
  "too-large": CODES.invalidArgument,
  limit: CODES.resourceExhausted,
  forbidden: CODES.permissionDenied,
  "not-found": CODES.notFound,
  exists: CODES.alreadyExists,
  conflict: CODES.aborted,
  compacted: CODES.outOfRange,
  unsupported: CODES.unimplemented,
  unavailable: CODES.unavailable,
  // It may have been done: a client that tried again by itself might do it twice.
  unknown: CODES.unknown,
};

/** After so long another try may succeed. */
const RETRY_MS: Readonly<Partial<Record<Refusal, number>>> = { limit: 1000, unavailable: 1000 };

const WRONG: ReadonlySet<Refusal> = new Set(["invalid", "too-large"]);

export function toStatus({ refusal, detail }: Refused): Status {
  const reason = refusal.toUpperCase().replaceAll("-", "_");
  return say(CODE_OF[refusal], detail, reason, RETRY_MS[refusal], WRONG.has(refusal));
}

export function toUnauthenticated({ detail }: Refused): Status {
  return say(CODES.unauthenticated, detail, "UNAUTHENTICATED");
}

function say(code: Code, detail: string, reason: string, retryMs?: number, isWrong = false): Status {
  const text = detail.slice(0, TEXT_LENGTH_MAX);
  const about = { reason, domain: DOMAIN, ...(retryMs !== undefined && { retryMs }), ...(isWrong && { wrong: text }) };
  return new Status(code, text, encodeDetails(code, text, about));
}

/** How streams end when the registry stops: another node takes them up. */
export const STOPPED = toStatus({ ok: false, refusal: "unavailable", detail: "the registry is stopping" });

/** For whoever comes with HTTP/1.1. */
export function toMissing({ status }: Pick<House, "status">, path: string): Answer {
  const native = status.endpoints().find(({ dialect }) => dialect === "http");
  const where = native === undefined ? "" : `; the API by HTTP is on port ${native.port}`;
  const body = `there is nothing at ${path.slice(0, 200)}: this port speaks gRPC${where}\n`;
  return { status: 404, head: { "Content-Type": "text/plain" }, body };
}
