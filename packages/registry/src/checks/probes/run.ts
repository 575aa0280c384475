/** One run of a check, as each kind makes it. */
import type { SecureContext } from "node:tls";
import type { Aim, Check } from "../../core/index.ts";
import type { Verdict } from "../verdict.ts";

export interface Run {
  readonly check: Check;
  readonly aim: Aim;
  /** An address of this host that the check may connect to. Rejects with `Kept` when there is none. */
  reach(host: string): Promise<string>;
  /** What certificates are held against; made when it is asked for. */
  trusted(): SecureContext;
  /** When it took too long, or is not wanted any more: everything that is open is closed. */
  readonly signal: AbortSignal;
}

export type Make = (run: Run) => Promise<Verdict>;

/** The check was kept from its target; the message says why. */
export class Kept extends Error {
  override readonly name = "Kept";
}
