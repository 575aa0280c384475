/** What is told of acts that an operator wants to know of afterwards, whoever tried them and however they ended. */
import type { Principal, Refusal } from "../../core/index.ts";
import type { Request } from "../http/request.ts";

/** One act of somebody, done or refused. Nothing in it is a secret. */
export interface Act {
  /** `create token` */
  readonly deed: string;
  /** Undefined for somebody unknown. */
  readonly principal: Principal | undefined;
  /** The address it came from. */
  readonly from: string;
  /** Empty where it is about no one account. */
  readonly account: string;
  /** What it was about, by the names of the protocol. */
  readonly on: Readonly<Record<string, unknown>>;
  readonly outcome: "done" | "failed" | Refusal;
  readonly detail?: string;
}

export type Audit = (act: Act) => void;

/** Which acts of a route are told, and which members of a JSON body are part of what is told. */
export interface Audited {
  readonly deed: string;
  readonly fields: readonly string[];
}

const NAME_LENGTH_MAX = 256;

/** The parameters of the path by their names, the account aside, and those members of the body. */
export function subjectOf(
  { pattern, fields }: { readonly pattern: string; readonly fields: readonly string[] },
  params: readonly string[],
  json: unknown,
): Record<string, unknown> {
  const on: Record<string, unknown> = {};
  const names = (pattern.match(/(?<=:)\w+/g) ?? []).filter((name) => name !== "account");
  for (const [i, name] of names.entries()) on[name] = params[i]?.slice(0, NAME_LENGTH_MAX);
  const body = typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  for (const field of fields) if (Object.hasOwn(body, field)) on[field] = short(body[field]);
  return on;
}

/** A value as it is told: lists and objects as text, and nothing that is long. */
function short(value: unknown): unknown {
  if (value === null || (typeof value !== "object" && typeof value !== "string")) return value;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > NAME_LENGTH_MAX ? `${text.slice(0, NAME_LENGTH_MAX)}…` : text;
}

/** One request of a route that is audited, from its head to its end. */
export class Recorder {
  readonly #audit: Audit;
  readonly #deed: string;
  readonly #from: string;
  principal: Principal | undefined;
  account: string;
  on: Readonly<Record<string, unknown>>;

  /** `account` as it was written, until it is known. */
  constructor(audit: Audit, deed: string, request: Request, account: string) {
    this.#audit = audit;
    this.#deed = deed;
    // Gone with the client.
    this.#from = request.remoteAddress;
    this.account = account.slice(0, NAME_LENGTH_MAX);
    this.on = { path: request.path.slice(0, NAME_LENGTH_MAX) };
  }

  end(outcome: Act["outcome"], detail?: string, more: Readonly<Record<string, unknown>> = {}): void {
    const { principal, account } = this;
    const act = { deed: this.#deed, principal, from: this.#from, account, on: { ...this.on, ...more }, outcome };
    this.#audit(detail === undefined ? act : { ...act, detail });
  }
}
