/** @live Handlers of hooks: set, look, list, remove. The secret is told once, to whoever had it made. */
import { randomBytes } from "node:crypto";
import type { HookBody } from "@rollcall/client";
import {
  byPlan,
  isLegalName,
  LIMITS,
  noteOf,
  type Outcome,
  type Refused,
  refuse,
  type View,
} from "../../../../core/index.ts";
import { isEventType } from "../../../../native/wire/commits.ts";
import { Fields } from "../../../../native/wire/fields.ts";
import { toTime } from "../../../../native/wire/numbers.ts";
import type { Result } from "../../../../net/routes/serve.ts";
import { toJson, toRevised } from "../../answers.ts";
import { type Exchange, signed } from "../../desk.ts";
import { isSecret, toSecret } from "./sign.ts";
import {
  type Hook,
  hookOf,
  hooksOf,
  NAME_LENGTH_MAX,
  PUT_HOOK,
  progressOf,
  refuseMissing,
  removal,
  type StoredHook,
} from "./stored.ts";

const FIELDS: ReadonlySet<string> = new Set(["url", "types", "services", "secret"]);
const URL_LENGTH_MAX = 2048;
const TYPES_MAX = 32;
const SERVICES_MAX = 128;

/** PUT …/hooks/:hook */
export async function putHook(exchange: Exchange): Promise<Result> {
  const { desk, account, params, json } = exchange;
  const name = params[0] as string;
  if (!isLegalName(name, NAME_LENGTH_MAX))
    return refuse("invalid", `a hook's name must be 1 to ${NAME_LENGTH_MAX} printable characters without "/"`);
  const fields = new Fields(json, FIELDS);
  const decoded = decodeHook(fields);
  if (!decoded.ok) return decoded;
  const { url, secret, ...rest } = decoded.value;
  const refused = await desk.house.calls.refuse(url);
  if (refused !== undefined) return refuse("forbidden", `hooks may not go to ${refused}`);
  const hook = { ...rest, url: url.href };
  const made = toSecret(randomBytes(32));
  const outcome = await desk.registry.propose(
    account,
    signed(exchange, byPlan(PUT_HOOK, { name, hook, secret, made })),
  );
  if (!outcome.ok) return outcome;
  const note = noteOf(PUT_HOOK, outcome.value);
  return desk.registry.read((view): Result => {
    const stored = hookOf(view, account, name);
    if (stored === undefined) return refuseMissing(name);
    const body = { ...toBody(view, stored), ...(note.made !== null && { secret: note.made }) };
    return toJson(body, note.created ? 201 : 200);
  });
}

interface Decoded extends Omit<Hook, "url" | "secret"> {
  readonly url: URL;
  readonly secret: string | null;
}

function decodeHook(fields: Fields): Outcome<Decoded> {
  fields.need("url");
  const text = fields.printable("url", "", URL_LENGTH_MAX);
  const types = fields.printables("types", TYPES_MAX);
  const services = fields.printables("services", SERVICES_MAX, LIMITS.nameLengthMax);
  const secret = fields.has("secret") ? fields.text("secret", "") : null;
  const bad = types.find((type) => !isEventType(type));
  if (bad !== undefined) fields.fail(`field types must hold words like instance.expired or instance.*, not ${bad}`);
  if (secret !== null && !isSecret(secret))
    fields.fail('field secret must be "whsec_" and 24 to 64 bytes in base64; one is made when it is left out');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    fields.fail("field url must be an http or https URL without a user");
    return fields.fault as Refused;
  }
  url.hash = "";
  return fields.outcome({ url, types, services, secret });
}

function toBody(view: View, hook: StoredHook): HookBody {
  const progress = progressOf(view, hook.account, hook.name);
  const { name, url, types, services, createdAtMs } = hook;
  const failing = progress?.failing ?? null;
  return {
    hook: name,
    url,
    types: [...types],
    services: [...services],
    createdAt: toTime(createdAtMs),
    told: progress?.cursor ?? null,
    failing: failing && { since: toTime(failing.sinceMs), reason: failing.reason },
  };
}

/** GET …/hooks, sorted by name. */
export function listHooks({ desk, account }: Exchange): Result {
  return desk.registry.read((view) => {
    const hooks = Array.from(hooksOf(view.account(account)), (hook) => toBody(view, hook));
    return toJson({ revision: view.revision, hooks });
  });
}

/** GET …/hooks/:hook */
export function getHook({ desk, account, params }: Exchange): Result {
  const name = params[0] as string;
  return desk.registry.read((view): Result => {
    const hook = hookOf(view, account, name);
    return hook === undefined ? refuseMissing(name) : toJson(toBody(view, hook));
  });
}

/** DELETE …/hooks/:hook */
export async function removeHook(exchange: Exchange): Promise<Result> {
  const { desk, account, params } = exchange;
  return toRevised(await desk.registry.propose(account, signed(exchange, removal(params[0] as string))));
}
