/** @live All that is served with a tenant. */
import { getLimits } from "./access/limits.ts";
import type { Answer, Call, Desk } from "./desk.ts";
import { listEvents } from "./events/handlers.ts";
import {
  createService,
  deleteService,
  getService,
  heartbeatService,
  listServices,
  updateService,
} from "./services/handlers.ts";
import {
  createSession,
  getOverview,
  getSession,
  heartbeatSession,
  listSessions,
  updateSession,
} from "./sessions/handlers.ts";
import { deleteValue, getValue, listValues, setValue } from "./values/handlers.ts";

type Handler = (desk: Desk, call: Call, id: string) => Answer | Promise<Answer>;

/** By method and path behind the tenant. A namespace of configuration values is listed by a GET that ends in a slash. */
export const ROUTES: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ["GET limits", getLimits],
  ["GET services", listServices],
  ["POST services", createService],
  ["GET services/:id", getService],
  ["PUT services/:id", updateService],
  ["DELETE services/:id", deleteService],
  ["POST services/:id/heartbeat", heartbeatService],
  ["GET configuration", (desk, call) => listValues(desk, call, null)],
  ["GET configuration/:namespace", listValues],
  ["GET configuration/:id", getValue],
  ["PUT configuration/:id", setValue],
  ["DELETE configuration/:id", deleteValue],
  ["GET events", listEvents],
  ["GET sessions", listSessions],
  ["POST sessions", createSession],
  ["GET sessions/:id", getSession],
  ["PUT sessions/:id", updateSession],
  ["POST sessions/:id/heartbeat", heartbeatSession],
  ["GET views/overview", getOverview],
]);
