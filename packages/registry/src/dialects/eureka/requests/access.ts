/** Who asks, and for which account. */

import { type Access, type Account, type Outcome, ok, type Principal, type Role, refuse } from "../../../core/index.ts";
import type { Request } from "../../../net/http/request.ts";
import type { Settings } from "../settings.ts";

export type Admission =
  | { readonly kind: "admitted"; readonly account: Account }
  /** Nobody known: 401. */
  | { readonly kind: "unknown" }
  /** Somebody who may not: 403. */
  | { readonly kind: "forbidden" }
  /** The account's requests of this second are used up: 503, at which clients go to the next server. */
  | { readonly kind: "busy" };

const UNKNOWN: Admission = { kind: "unknown" };
const FORBIDDEN: Admission = { kind: "forbidden" };
const BUSY: Admission = { kind: "busy" };

const ANYONE: Principal = { account: null, role: "admin", name: "anyone" };

/** Headers whose token is known. Clients say the same one each time. */
const KNOWN_MAX = 10_000;
const LENGTH_MAX = 4096;

/** The door of the dialect. Tokens come as passwords, as user names, or as bearers. */
export class Gate {
  readonly #access: Access;
  readonly #settings: Settings;
  /** From what the header says to the token in it. What the token is worth is asked each time. */
  readonly #tokens = new Map<string, string>();
  readonly #admitted = new Map<Account, Admission>();
  readonly #forget: () => void;

  constructor(access: Access, settings: Settings) {
    this.#access = access;
    this.#settings = settings;
    this.#forget = access.onChange(() => this.#tokens.clear());
  }

  close(): void {
    this.#forget();
  }

  /** `wanted` is an account's name: who may act on all of them can ask for another than the one that is configured. */
  admit(request: Request, need: Role, isBeat: boolean, wanted?: string): Admission {
    const principal = this.#identify(request.token);
    if (!principal.ok) return UNKNOWN;
    const asked = wanted === undefined ? undefined : this.#access.resolve(wanted);
    const account = principal.value.account ?? (asked?.ok === true ? asked.value : this.#settings.account);
    if (principal.value !== ANYONE && !this.#access.allow(principal.value, account, need).ok) return FORBIDDEN;
    // Heartbeats are counted, but never refused for their number: instances would be lost.
    if (!this.#access.admit(account).ok && !isBeat) return BUSY;
    return this.#admission(account);
  }

  /** The one account that this request may see; null for all of them. */
  confinedTo(request: Request): Account | null {
    const principal = this.#identify(request.token);
    return principal.ok ? principal.value.account : this.#settings.account;
  }

  #admission(account: Account): Admission {
    let admission = this.#admitted.get(account);
    if (admission === undefined) {
      if (this.#admitted.size >= KNOWN_MAX) this.#admitted.clear();
      admission = { kind: "admitted", account };
      this.#admitted.set(account, admission);
    }
    return admission;
  }

  /** In open mode credentials that mean nothing to us are as good as none: the original without security ignores them. */
  #identify(said: string | undefined): Outcome<Principal> {
    const { open } = this.#access;
    if (said === undefined) return open ? ok(ANYONE) : this.#access.authenticate(undefined);
    const known = this.#authenticate(said);
    return known.ok || !open ? known : ok(ANYONE);
  }

  #authenticate(said: string): Outcome<Principal> {
    const token = this.#tokens.get(said);
    if (token !== undefined) return this.#access.authenticate(token);
    for (const candidate of candidatesOf(said)) {
      const principal = this.#access.authenticate(candidate);
      if (!principal.ok) continue;
      if (this.#tokens.size >= KNOWN_MAX) this.#tokens.clear();
      this.#tokens.set(said, candidate);
      return principal;
    }
    return refuse("forbidden", "unknown credentials");
  }
}

/** What may be the token: RFC 7617 has a user and a password; all else is one by itself. */
function candidatesOf(said: string): readonly string[] {
  if (said.length > LENGTH_MAX) return [];
  const basic = /^basic +(\S+) *$/i.exec(said)?.[1];
  if (basic === undefined) return [said];
  const pair = Buffer.from(basic, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 0) return [];
  return [pair.slice(colon + 1), pair.slice(0, colon)].filter((text) => text !== "");
}
