/** Asks for what people look at, and does to many at once what operators do. */
import { pathOf, type Transport } from "../http/transport.ts";
import type { MembersBody, OverriddenBody, OverridesAskedBody, ProtectionBody } from "./looking.ts";

/** For screens, and for those who operate a registry. */
export interface Looks {
  /** What protection holds, why, and until when; or by what it would. */
  protection(): Promise<ProtectionBody>;
  /** An operator's word on all instances that match, or what would become of it. */
  overrideMany(asked: OverridesAskedBody): Promise<OverriddenBody>;
  /** The nodes that share the registry. */
  members(): Promise<MembersBody>;
}

export function createLooks(transport: Transport): Looks {
  const at = (...rest: readonly string[]) => pathOf("v2", transport.account, ...rest);
  return {
    protection: async () => transport.json({ path: at("protection") }),
    overrideMany: async (json) =>
      transport.json({ method: "POST", effect: json.dry === true ? "none" : "same", path: at("overrides"), json }),
    members: async () => transport.json({ path: pathOf("v2", "_", "members") }),
  };
}
