/** @live All methods that are served, whichever way they are called. */
import type { Method } from "../../../net/grpc/method.ts";
import type { Desk } from "../desk.ts";
import { KV } from "../kv/methods.ts";

export const METHODS: readonly Method<Desk>[] = [...KV];
