/** @live All methods that are served, whichever way they are called. */
import type { Method } from "../../../net/grpc/method.ts";
import type { Desk } from "../desk.ts";
import { KV } from "../kv/methods.ts";
import { CLUSTER } from "../services/cluster/methods.ts";
import { LEASE } from "../services/leases/methods.ts";
import { RECIPES } from "../services/recipes/methods.ts";
import { WATCH } from "../services/watch/methods.ts";

export const METHODS: readonly Method<Desk>[] = [...KV, ...WATCH, ...LEASE, ...CLUSTER, ...RECIPES];
