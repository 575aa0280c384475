/** How a call of gRPC ends: a code, and a message for people that clients may match on. */

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const CODES = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type Code = (typeof CODES)[keyof typeof CODES];

/** Handlers return one in place of an answer, or throw it: both mean the same. */
export class Status {
  readonly code: Code;
  readonly message: string;
  /** For programs, as details.ts encodes them. */
  readonly details: string | undefined;

  constructor(code: Code, message: string, details?: string) {
    this.code = code;
    this.message = message;
    this.details = details;
  }
}

export const OK = new Status(CODES.ok, "");

/** What counts as the status of HTTP where requests of all protocols are counted: as Google's table has it. */
const HTTP_STATUS: Readonly<Record<Code, number>> = {
  0: 200,
  1: 499,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  15: 500,
  16: 401,
};

export function toHttp({ code }: Status): number {
  return HTTP_STATUS[code];
}

/** Half of a pair: no text. */
const LONE = /[\ud800-\udfff]/gu;

/** As `grpc-message` has it: UTF-8, where all but printable ASCII and the percent sign itself is percent-encoded. */
export function encodeMessage(message: string): string {
  return message.replace(/[^ -$&-~]+/g, (part) => encodeURIComponent(part.replace(LONE, "\ufffd")));
}

/** Of a message: what is longer is cut. Details that are longer are left out. */
const MESSAGE_LENGTH_MAX = 6144;

/** How a call's end is told. */
export function trailersOf({ code, message, details }: Status): Record<string, string> {
  const trailers: Record<string, string> = { "grpc-status": String(code) };
  if (message !== "") trailers["grpc-message"] = encodeMessage(message).slice(0, MESSAGE_LENGTH_MAX);
  if (details !== undefined && details.length <= MESSAGE_LENGTH_MAX) trailers["grpc-status-details-bin"] = details;
  return trailers;
}

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** The ms of a `grpc-timeout`; undefined where there is none, NaN for what is no time. */
export function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit = ""] = /^([0-9]{1,8})([HMSmun])$/.exec(text) ?? [];
  return Number(number) * (UNITS_MS[unit] ?? Number.NaN);
}
