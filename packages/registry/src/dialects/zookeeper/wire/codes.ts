/** The numbers of the protocol: what is asked for, and what went wrong. */

export const OPS = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

export type OpName = keyof typeof OPS;

const NAMES = new Map(Object.entries(OPS).map(([name, type]) => [type as number, name as OpName]));

export function opName(type: number): OpName | undefined {
  return NAMES.get(type);
}

export const ERRORS = {
  ok: 0,
  systemError: -1,
  runtimeInconsistency: -2,
  connectionLoss: -4,
  marshallingError: -5,
  unimplemented: -6,
  operationTimeout: -7,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidACL: -114,
  authFailed: -115,
  noWatcher: -121,
  reconfigDisabled: -123,
  quotaExceeded: -125,
  throttledOp: -127,
} as const;

export type ErrorCode = (typeof ERRORS)[keyof typeof ERRORS];

const WORDS = new Map<number, string>(Object.entries(ERRORS).map(([name, code]) => [code, name]));

/** For the log. */
export function errorName(code: number): string {
  return WORDS.get(code) ?? String(code);
}

/** What an access-control list grants. */
export const PERMS = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** What a watcher is told. */
export const EVENTS = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

export type EventType = (typeof EVENTS)[keyof typeof EVENTS];

/** Nobody asked for what comes under it. */
export const EVENT_XID = -1;
