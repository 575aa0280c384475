/** Hooks: URLs to which the registry posts an account's events. */
import { RollcallError } from "../error.ts";
import { pathOf, type Transport } from "../http/transport.ts";
import type { HookBody, HooksBody, PutHookBody, SetHookBody } from "./changes.ts";

export interface Hooks {
  /** Sets a hook; one that is there goes on where it is. A `secret` in the answer was made now, and is told this once. */
  put(hook: string, body: PutHookBody): Promise<SetHookBody>;
  /** Null when it is not there. */
  get(hook: string): Promise<HookBody | null>;
  list(): Promise<HooksBody>;
  remove(hook: string): Promise<{ revision: number }>;
}

export function createHooks(transport: Transport): Hooks {
  const at = (...rest: readonly string[]) => pathOf("v2", transport.account, "hooks", ...rest);
  return {
    put: async (hook, json) => transport.json({ method: "PUT", path: at(hook), json }),
    async get(hook) {
      try {
        return await transport.json<HookBody>({ path: at(hook) });
      } catch (error) {
        if (error instanceof RollcallError && error.code === "not-found") return null;
        throw error;
      }
    },
    list: async () => transport.json({ path: at() }),
    remove: async (hook) => transport.json({ method: "DELETE", path: at(hook) }),
  };
}
