/** What a registry does not start with, whatever the settings say one by one. */
import type { Access } from "../../core/index.ts";
import { isLoopback } from "../../net/hosts/loopback.ts";
import type { ServeConfig } from "../config/load.ts";

/** A start that failed for a reason that a person can mend. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}

/** Open mode is for loopback only, unless the user says that the network is safe. */
export function refuseOpenExposure(config: Pick<ServeConfig, "host" | "insecure">, access: Access): void {
  if (!access.open || config.insecure || isLoopback(config.host)) return;
  throw new StartRefused(
    `refusing to listen on ${config.host} without accounts and tokens: anyone who reaches it could change everything. ` +
      "Create an account and a token first (rollcall account set, rollcall token create, on loopback), or give --insecure.",
  );
}

/** Without any token every request would be refused, also the one that makes the first token. */
export function refuseLockedOut(access: Access): void {
  if (access.open || access.listTokens(null).length > 0) return;
  throw new StartRefused(
    "the configuration has accounts but no token, so nobody could use or administer this registry: " +
      "put the SHA-256 of a token into the file (tokens: or accounts.<name>.tokens:), or make tokens before accounts (rollcall token create).",
  );
}
