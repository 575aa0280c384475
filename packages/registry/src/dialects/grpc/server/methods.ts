/** @live All methods that are served. */
import type { Method } from "../../../net/grpc/method.ts";
import type { Desk } from "../desk.ts";
import { INSTANCES } from "../services/catalog/instances.ts";
import { READS } from "../services/catalog/reads.ts";
import { CONFIG } from "../services/config/methods.ts";
import { ENDPOINTS } from "../services/endpoints/methods.ts";
import { EVENTS } from "../services/follow/events.ts";
import { WATCH } from "../services/follow/watch.ts";
import { LEASES } from "../services/leases/methods.ts";
import { XDS } from "../xds/methods.ts";

export const METHODS: readonly Method<Desk>[] = [
  ...INSTANCES,
  ...READS,
  WATCH,
  EVENTS,
  ...LEASES,
  ...CONFIG,
  ...ENDPOINTS,
  ...XDS,
];
