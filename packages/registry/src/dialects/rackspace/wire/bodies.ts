/** Bodies of requests -> messages. The first thing wrong is reported, in the original's order of fields. */
import { type Outcome, ok } from "../../../core/index.ts";
import { bad, type Faulty, wrongField } from "./faults.ts";
import {
  checkMetadata,
  checkServiceId,
  checkSessionId,
  checkTags,
  checkTimeout,
  checkValue,
  type Metadata,
  toInteger,
  toMetadata,
} from "./fields.ts";
import { parseUuid } from "./uuid.ts";

export type Body = Readonly<Record<string, unknown>>;

/** What a client says of a service. Either a timeout of its own, or the session that it belongs to. */
export interface NewService {
  readonly id: string;
  readonly tags: readonly string[];
  readonly metadata: Metadata;
  readonly life: { readonly timeoutS: number } | { readonly session: string };
}

/** What is left out stays as it is. */
export interface ServiceUpdate {
  readonly tags?: readonly string[];
  readonly metadata?: Metadata;
  readonly timeoutS?: number;
  readonly session?: unknown;
}

export interface NewSession {
  readonly metadata: Metadata;
  readonly timeoutS: number;
}

export interface Credentials {
  readonly user: string;
  readonly apiKey: string;
}

type Check = (value: unknown) => string | undefined;
type Rule = readonly [key: string, check: Check, required: boolean];

const NEW_SERVICE: readonly Rule[] = [
  ["id", checkServiceId, true],
  ["tags", checkTags, false],
  ["metadata", checkMetadata, false],
  ["heartbeat_timeout", checkTimeout, true],
];

/** The session era's service has a session instead of a timeout of its own. */
const NEW_SESSION_SERVICE: readonly Rule[] = [
  ["id", checkServiceId, true],
  ["session_id", checkSessionId, true],
  ["tags", checkTags, false],
  ["metadata", checkMetadata, false],
];

/** The id cannot change: one in the body is not looked at. */
const SERVICE_UPDATE: readonly Rule[] = NEW_SERVICE.slice(1).map(([key, check]) => [key, check, false]);

const NEW_SESSION: readonly Rule[] = [
  ["metadata", checkMetadata, false],
  ["heartbeat_timeout", checkTimeout, true],
];

const SESSION_UPDATE: readonly Rule[] = NEW_SESSION.map(([key, check]) => [key, check, false]);

const HEARTBEAT: readonly Rule[] = [["token", checkToken, true]];

const VALUE: readonly Rule[] = [["value", checkValue, true]];

function checkToken(token: unknown): string | undefined {
  if (typeof token !== "string") return "Not a string";
  const parsed = parseUuid(token);
  return parsed.ok ? undefined : parsed.wrong;
}

/** Checks all rules in order; unknown keys are not looked at. */
function conform(body: Body, rules: readonly Rule[]): Outcome<Body, Faulty> {
  for (const [key, check, required] of rules) {
    const given = Object.hasOwn(body, key);
    if (!given && !required) continue;
    const wrong = given ? check(body[key]) : `Missing required key (${key})`;
    if (wrong !== undefined) return bad(wrongField(key, wrong));
  }
  return ok(body);
}

/** A `session_id` makes it a service of the session era. */
export function parseNewService(body: Body): Outcome<NewService, Faulty> {
  const session = Object.hasOwn(body, "session_id");
  const checked = conform(body, session ? NEW_SESSION_SERVICE : NEW_SERVICE);
  if (!checked.ok) return checked;
  return ok({
    id: body.id as string,
    tags: (body.tags as string[] | null | undefined) ?? [],
    metadata: toMetadata(body.metadata ?? null),
    life: session ? { session: body.session_id as string } : { timeoutS: toInteger(body.heartbeat_timeout) as number },
  });
}

export function parseServiceUpdate(body: Body): Outcome<ServiceUpdate, Faulty> {
  const checked = conform(body, SERVICE_UPDATE);
  if (!checked.ok) return checked;
  return ok({
    ...(body.tags === undefined ? {} : { tags: (body.tags as string[] | null) ?? [] }),
    ...sessionPart(body),
    ...(body.session_id === undefined ? {} : { session: body.session_id }),
  });
}

export function parseNewSession(body: Body): Outcome<NewSession, Faulty> {
  const checked = conform(body, NEW_SESSION);
  if (!checked.ok) return checked;
  const timeoutS = toInteger(body.heartbeat_timeout) as number;
  return ok({ metadata: toMetadata(body.metadata ?? null), timeoutS });
}

export function parseSessionUpdate(body: Body): Outcome<Partial<NewSession>, Faulty> {
  const checked = conform(body, SESSION_UPDATE);
  return checked.ok ? ok(sessionPart(body)) : checked;
}

function sessionPart(body: Body): Partial<NewSession> {
  return {
    ...(body.metadata === undefined ? {} : { metadata: toMetadata(body.metadata) }),
    ...(body.heartbeat_timeout === undefined ? {} : { timeoutS: toInteger(body.heartbeat_timeout) as number }),
  };
}

/** The token in lower case. */
export function parseHeartbeat(body: Body): Outcome<string, Faulty> {
  const checked = conform(body, HEARTBEAT);
  return checked.ok ? ok((body.token as string).toLowerCase()) : checked;
}

export function parseValue(body: Body): Outcome<string, Faulty> {
  const checked = conform(body, VALUE);
  return checked.ok ? ok(body.value as string) : checked;
}

/** Keystone's request for a token: with an API key, or with a password in its place. */
export function parseCredentials(body: Body): Outcome<Credentials, Faulty> {
  const auth = toRecord(body.auth);
  const byKey = toRecord(auth["RAX-KSKEY:apiKeyCredentials"]);
  const byPassword = toRecord(auth.passwordCredentials);
  const user = byKey.username ?? byPassword.username;
  const apiKey = byKey.apiKey ?? byPassword.password;
  if (typeof user !== "string" || user === "") return bad(wrongField("username", "Not a string"));
  if (typeof apiKey !== "string") return bad(wrongField("apiKey", "Not a string"));
  return ok({ user, apiKey });
}

function toRecord(value: unknown): Body {
  return typeof value === "object" && value !== null ? (value as Body) : {};
}
