/** Faults: the one shape in which this protocol says no. */
import type { Outcome } from "../../../core/index.ts";
import { toJson } from "./json.ts";

export type FaultType =
  | "badRequest"
  | "serviceWithThisIdExists"
  | "invalidLimit"
  | "limitReached"
  | "rateLimitReached"
  | "unauthorizedError"
  | "forbiddenError"
  | "notFoundError"
  | "requestTooLargeError"
  | "internalError"
  | "notImplementedError"
  | "systemFailureError";

export interface Fault {
  readonly type: FaultType;
  readonly message: string;
  readonly details: string;
}

/** What went wrong, as the fault to answer with. */
export interface Faulty {
  readonly fault: Fault;
}

const STATUS: Readonly<Record<FaultType, number>> = {
  badRequest: 400,
  serviceWithThisIdExists: 400,
  invalidLimit: 400,
  limitReached: 400,
  // Not 429: that is what the clients of this API know.
  rateLimitReached: 400,
  unauthorizedError: 401,
  forbiddenError: 403,
  notFoundError: 404,
  requestTooLargeError: 413,
  internalError: 500,
  notImplementedError: 501,
  systemFailureError: 503,
};

export function statusOfFault(fault: Fault): number {
  return STATUS[fault.type];
}

export function bad(fault: Fault): Outcome<never, Faulty> {
  return { ok: false, fault };
}

export function badRequest(message: string, details: string): Fault {
  return { type: "badRequest", message, details };
}

/** A field of the body is wrong. */
export function wrongField(key: string, details: string): Fault {
  return badRequest(`Validation error for key '${key}'`, details);
}

/** A part of the URL is wrong; the original calls path ids query string parameters too. */
export function wrongParameter(name: string, details: string): Fault {
  return badRequest(`Invalid value for '${name}' query string parameter`, details);
}

export function missing(object: "Service" | "Session" | "ConfigurationValue" | "HeartbeatMarker", key: string): Fault {
  const details = `Object "${object}" with key "${key}" does not exist`;
  return { type: "notFoundError", message: "object does not exist", details };
}

export function unknownPage(path: string): Fault {
  const details = JSON.stringify({ requested_path: path });
  return { type: "notFoundError", message: "The page cannot be found.", details };
}

export function unauthorized(details: string): Fault {
  return { type: "unauthorizedError", message: "forbidden", details };
}

export function alreadyExists(id: string): Fault {
  const text = `Service with id ${id} already exists.`;
  return { type: "serviceWithThisIdExists", message: text, details: text };
}

export function limitReached(resource: "service" | "session" | "configuration_value", max: number): Fault {
  const details = `Limit for resource ${resource} has been reached. Maximum allowed objects: ${max}`;
  return { type: "limitReached", message: "Limit has been reached", details };
}

/** The cause of an internal error is for the log, not for the client. */
export const INTERNAL: Fault = { type: "internalError", message: "Internal Error", details: "Internal Error" };

export function faultBody(fault: Fault, txnId: string): string {
  const { type, message, details } = fault;
  return toJson({ type, code: statusOfFault(fault), message, details, txnId });
}
