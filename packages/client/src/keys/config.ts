import { RollcallError } from "../error.ts";
import { type WatchItem, type WatchOptions, watch } from "../follow/watch.ts";
import { keyPath, pathOf, type Transport } from "../http/transport.ts";
import type { Page } from "../leases.ts";
import type { KeyBody, KeysBody, PutBody, TransactedBody, TransactionBody } from "../shapes.ts";
import { type FollowOptions, follow, type LiveValue } from "./live.ts";

export interface PutOptions {
  /** Only when the key is still at this revision (its `modRevision`); 0: only when it is not there. */
  readonly ifRevision?: number | undefined;
  /** The key goes when this lease ends. */
  readonly lease?: string | undefined;
}

export interface KeyPage extends Page {
  readonly prefix?: string | undefined;
}

/**
 * Configuration: keys with values, watched and changed under conditions. A condition that fails throws
 * `conflict`, or `exists` where the key was not to be there.
 */
export interface Config {
  /** Null when it is not there. */
  get(key: string): Promise<KeyBody | null>;
  put(key: string, value: string | Uint8Array, options?: PutOptions): Promise<PutBody>;
  /** `deleted` says how many went. */
  delete(key: string, options?: Pick<PutOptions, "ifRevision">): Promise<{ revision: number; deleted: number }>;
  deletePrefix(prefix: string): Promise<{ revision: number; deleted: number }>;
  list(page?: KeyPage): Promise<KeysBody>;
  watch(options: Pick<WatchOptions, "key" | "prefix" | "after" | "signal" | "onDown">): AsyncGenerator<WatchItem, void>;
  /** The key as a value that follows it, of the default's type; the default while it is not there. */
  follow<T>(key: string, fallback: T, options?: FollowOptions<T>): LiveValue<T>;
  transaction(body: TransactionBody): Promise<TransactedBody>;
}

export function createConfig(transport: Transport): Config {
  const root = pathOf("v2", transport.account, "config");

  async function get(key: string): Promise<KeyBody | null> {
    try {
      return await transport.json<KeyBody>({ path: root + keyPath(key) });
    } catch (error) {
      if (error instanceof RollcallError && error.code === "not-found") return null;
      throw error;
    }
  }

  async function remove(
    key: string,
    options?: Pick<PutOptions, "ifRevision">,
  ): Promise<{ revision: number; deleted: number }> {
    try {
      return await transport.json({
        method: "DELETE",
        path: root + keyPath(key),
        headers: condition(options?.ifRevision),
      });
    } catch (error) {
      if (error instanceof RollcallError && error.code === "not-found")
        return { revision: 0, deleted: error.unsure ? 1 : 0 };
      throw error;
    }
  }

  return {
    get,
    put: async (key, value, options) =>
      transport.json({
        method: "PUT",
        path: root + keyPath(key),
        query: { lease: options?.lease },
        headers: condition(options?.ifRevision),
        bytes: value,
      }),
    delete: remove,
    deletePrefix: async (prefix) => transport.json({ method: "DELETE", path: root, query: { prefix } }),
    list: async (page) => transport.json({ path: root, query: { prefix: "", ...page } }),
    watch: (options) => watch(transport, options),
    follow: (key, fallback, options) =>
      follow({ get, watch: (watched) => watch(transport, watched) }, key, fallback, options),
    transaction: async (json) => {
      const isRead = [...(json.then ?? []), ...(json.otherwise ?? [])].every((step) => "get" in step);
      const path = pathOf("v2", transport.account, "transactions");
      return transport.json({ method: "POST", path, json, effect: isRead ? "none" : "more" });
    },
  };
}

function condition(ifRevision: number | undefined): Record<string, string> | undefined {
  if (ifRevision === undefined) return undefined;
  return ifRevision === 0 ? { "if-none-match": "*" } : { "if-match": `"${ifRevision}"` };
}
