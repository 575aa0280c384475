/** Who asks, and for which account. */
import { type Access, type Account, type Outcome, ok, type Principal, type Role, refuse } from "../../../core/index.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { enter } from "../../../net/routes/entry.ts";
import type { Settings } from "../settings.ts";
import { BUSY, empty, UNKNOWN } from "./answer.ts";

export interface Admitted {
  readonly principal: Principal;
  readonly account: Account;
}

/** Two credentials that differ. */
const AMBIGUOUS = empty(400);
const FORBIDDEN = empty(403);

const ANYONE: Principal = { account: null, role: "admin", name: "anyone" };

/** Headers whose token is known: clients say the same one each time. */
const KNOWN_MAX = 10_000;
const LENGTH_MAX = 4096;

/** The door of the dialect. Tokens come as passwords, as user names, or as bearers. */
export class Gate {
  readonly #access: Access;
  readonly #settings: Settings;
  /** The token in a header that was seen before. What it is worth is asked each time. */
  readonly #tokens = new Map<string, string>();
  readonly #forget: () => void;

  constructor(access: Access, settings: Settings) {
    this.#access = access;
    this.#settings = settings;
    this.#forget = access.onChange(() => this.#tokens.clear());
  }

  close(): void {
    this.#forget();
  }

  /** `wanted` names another account than the configured one, for those who may act on all of them. */
  admit(
    token: Outcome<string | undefined>,
    need: Role,
    isBeat: boolean,
    wanted: string | undefined,
  ): Outcome<Admitted, { readonly answer: Answer }> {
    const identified = token.ok ? this.#identify(token.value) : token;
    if (!identified.ok) return { ok: false, answer: identified.refusal === "invalid" ? AMBIGUOUS : UNKNOWN };
    const principal = identified.value;
    const asked = wanted === undefined ? undefined : this.#access.resolve(wanted);
    const account = principal.account ?? (asked?.ok === true ? asked.value : this.#settings.account);
    // Heartbeats are never refused for their number: instances would be lost.
    const entered = enter(this.#access, principal, account, need, isBeat);
    if (entered.ok) return ok({ principal, account });
    return { ok: false, answer: entered.refusal === "limit" ? BUSY : FORBIDDEN };
  }

  /** Refuses as `invalid` what could be either of two. In open mode unknown credentials are as good as none: the original ignores them when it has no security. */
  #identify(said: string | undefined): Outcome<Principal> {
    const { open } = this.#access;
    if (said === undefined) return open ? ok(ANYONE) : this.#access.authenticate(undefined);
    const known = this.#authenticate(said);
    return known.ok || !open || known.refusal === "invalid" ? known : ok(ANYONE);
  }

  #authenticate(said: string): Outcome<Principal> {
    const token = this.#tokens.get(said);
    if (token !== undefined) return this.#access.authenticate(token);
    const [known, ...more] = candidatesOf(said).filter((candidate) => this.#access.authenticate(candidate).ok);
    if (known === undefined) return refuse("forbidden", "unknown credentials");
    if (more.length > 0) return refuse("invalid", "user name and password are two tokens");
    if (this.#tokens.size >= KNOWN_MAX) this.#tokens.clear();
    this.#tokens.set(said, known);
    return this.#access.authenticate(known);
  }
}

/** What may be the token: the password or the user of RFC 7617, or all of any other header. */
function candidatesOf(said: string): readonly string[] {
  if (said.length > LENGTH_MAX) return [];
  const basic = /^basic +(\S+) *$/i.exec(said)?.[1];
  if (basic === undefined) return [said];
  const pair = Buffer.from(basic, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 0) return [];
  return [...new Set([pair.slice(colon + 1), pair.slice(0, colon)])].filter((text) => text !== "");
}
