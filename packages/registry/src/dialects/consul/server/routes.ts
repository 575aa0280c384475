/** @live Which path is what, and who serves it. */
import type { Role } from "../../../core/index.ts";
import type { Pattern } from "../../../net/routes/table.ts";
import { listPeers, showLeader } from "../agent/status.ts";
import type { Handle } from "../desk.ts";
import * as kvReads from "../kv/reads.ts";
import * as kvWrites from "../kv/writes.ts";
import * as sessions from "../sessions/handlers.ts";
import { transact } from "../txn/handlers.ts";

export interface Route extends Pattern {
  readonly need: Role;
  /** Left out where a short one is passed over, or none is sent. */
  readonly bodyBytesMax?: number;
  /** Is never refused for the number of requests. */
  readonly isBeat?: true;
  readonly handle: Handle;
}

/** As `txn_max_req_len` is by default. */
const TXN_BYTES_MAX = 512 * 1024;

type Verb = Pattern["method"];

function read(pattern: string, handle: Handle): Route {
  return { method: "GET", pattern, need: "reader", handle };
}

function write(method: Verb, pattern: string, handle: Handle, more: Partial<Route> = {}): Route {
  return { method, pattern, need: "writer", handle, ...more };
}

export const ROUTES: readonly Route[] = [
  read("/v1/status/leader", showLeader),
  read("/v1/status/peers", listPeers),
  read("/v1/kv/*", kvReads.read),
  write("PUT", "/v1/kv/*", kvWrites.put, { bodyBytesMax: kvWrites.VALUE_BYTES_MAX }),
  write("DELETE", "/v1/kv/*", kvWrites.remove),
  write("PUT", "/v1/txn", transact, { bodyBytesMax: TXN_BYTES_MAX }),
  write("PUT", "/v1/session/create", sessions.create),
  write("PUT", "/v1/session/destroy/:id", sessions.destroy),
  write("PUT", "/v1/session/renew/:id", sessions.renew, { isBeat: true }),
  read("/v1/session/info/:id", sessions.showOne),
  read("/v1/session/node/:node", sessions.listOfNode),
  read("/v1/session/list", sessions.list),
];
