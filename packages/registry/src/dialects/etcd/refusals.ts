/** What etcd says when it refuses: clients match on code and text. And the registry's refusals in these words. */
import type { Refusal, Refused } from "../../core/index.ts";
import { CODES, type Code, Status } from "../../net/grpc/status.ts";

const say = (code: Code, text: string): Status => new Status(code, `etcdserver: ${text}`);
const { invalidArgument, outOfRange, resourceExhausted, notFound, failedPrecondition, unavailable } = CODES;

export const ERRORS = {
  emptyKey: say(invalidArgument, "key is not provided"),
  keyNotFound: say(invalidArgument, "key not found"),
  valueProvided: say(invalidArgument, "value is provided"),
  leaseProvided: say(invalidArgument, "lease is provided"),
  tooManyOps: say(invalidArgument, "too many operations in txn request"),
  duplicateKey: say(invalidArgument, "duplicate key given in txn request"),
  invalidSort: say(invalidArgument, "invalid sort option"),
  tooLarge: say(invalidArgument, "request is too large"),
  userEmpty: say(invalidArgument, "user name is empty"),
  roleEmpty: say(invalidArgument, "role name is empty"),
  authFailed: say(invalidArgument, "authentication failed, invalid user ID or password"),
  invalidAuthManagement: say(invalidArgument, "invalid auth management"),
  badUrls: say(invalidArgument, "given member URLs are invalid"),
  compacted: say(outOfRange, "mvcc: required revision has been compacted"),
  future: say(outOfRange, "mvcc: required revision is a future revision"),
  ttlTooLarge: say(outOfRange, "too large lease TTL"),
  noSpace: say(resourceExhausted, "mvcc: database space exceeded"),
  tooManyRequests: say(resourceExhausted, "too many requests"),
  leaseNotFound: say(notFound, "requested lease not found"),
  memberNotFound: say(notFound, "member not found"),
  leaseExists: say(failedPrecondition, "lease already exists"),
  authNotEnabled: say(failedPrecondition, "authentication is not enabled"),
  userExists: say(failedPrecondition, "user name already exists"),
  userNotFound: say(failedPrecondition, "user name not found"),
  roleExists: say(failedPrecondition, "role name already exists"),
  roleNotFound: say(failedPrecondition, "role name not found"),
  notLeader: say(failedPrecondition, "not leader"),
  badTransferee: say(failedPrecondition, "bad leader transferee"),
  notCapable: say(failedPrecondition, "not capable"),
  permissionDenied: say(CODES.permissionDenied, "permission denied"),
  invalidToken: say(CODES.unauthenticated, "invalid auth token"),
  noLeader: say(unavailable, "no leader"),
  stopped: say(unavailable, "server stopped"),
  timedOut: say(unavailable, "request timed out"),
  watchCanceled: say(CODES.canceled, "watch canceled"),
  corrupt: say(CODES.dataLoss, "corrupt cluster"),
} as const;

/** Where a request has no word of its own for it. */
const STATUSES: Readonly<Record<Refusal, Status | undefined>> = {
  // What is left of these is told as it is.
  invalid: undefined,
  unsupported: undefined,
  "too-large": ERRORS.tooLarge,
  limit: ERRORS.noSpace,
  forbidden: ERRORS.permissionDenied,
  "not-found": ERRORS.leaseNotFound,
  exists: ERRORS.leaseExists,
  conflict: ERRORS.duplicateKey,
  compacted: ERRORS.compacted,
  unavailable: ERRORS.noLeader,
  unknown: ERRORS.timedOut,
};

export function toStatus({ refusal, detail }: Refused): Status {
  const known = STATUSES[refusal];
  return known ?? say(refusal === "unsupported" ? CODES.unimplemented : invalidArgument, detail);
}
