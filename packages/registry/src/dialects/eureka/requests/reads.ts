/** Requests that read what is registered. */
import type { Account } from "../../../core/index.ts";
import type { Body } from "../../../net/answers/parts.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import type { Fetch } from "../fetch/fetch.ts";
import type { Form } from "../fetch/piece.ts";
import type { Format } from "../wire/messages.ts";
import { empty, formOf, inForm, inFormat, singleFormatOf } from "./answer.ts";

/** Of an application or address that is a service, too. Who fetches everything says not what for. */
function noteLookup({ registry, looked }: Desk, { account, target: { name }, request }: Call): void {
  if (name === "") return;
  const found = registry.read((view) => {
    const services = view.account(account);
    return (services?.service(name) ?? services?.service(name.toLowerCase()))?.name;
  });
  if (found !== undefined) looked(account, found, request.remoteAddress);
}

type Listed = Body | undefined;

function list(read: (fetch: Fetch, call: Call, form: Form) => Listed | Promise<Listed>, missing = 404): Handle {
  return (desk, call) => {
    const { fetch } = desk;
    noteLookup(desk, call);
    const form = formOf(call.request);
    const body = read(fetch, call, form);
    const give = (made: Listed): Answer => (made === undefined ? empty(missing) : inForm(form, made));
    return body instanceof Promise ? body.then(give) : give(body);
  };
}

/** GET /apps */
export const listAll = list((fetch, { account }, form) => fetch.all(account, form));
/** GET /apps/delta. At 403 clients fetch everything. */
export const listChanges = list((fetch, { account }, form) => fetch.delta(account, form), 403);
/** GET /apps/APP */
export const listApplication = list((fetch, { account, target }, form) =>
  fetch.application(account, target.name, form),
);
/** GET /vips/VIP and /svips/VIP */
export const listVip = list((fetch, { account, target }, form) =>
  fetch.vip(account, target.name, target.place === "svip", form),
);

function single(
  read: (
    fetch: Fetch,
    account: Account,
    target: Call["target"],
    format: Format,
  ) => string | undefined | Promise<string>,
): Handle {
  return (desk, call) => {
    const { fetch } = desk;
    const { request, account, target } = call;
    noteLookup(desk, call);
    const format = singleFormatOf(request);
    const body = read(fetch, account, target, format);
    const give = (made: string | undefined): Answer => (made === undefined ? empty(404) : inFormat(format, made));
    return body instanceof Promise ? body.then(give) : give(body);
  };
}

/** GET /apps/APP/ID */
export const showInstance = single((fetch, account, { name, id }, format) => fetch.instance(account, name, id, format));
/** GET /instances/ID */
export const showById = single((fetch, account, { id }, format) => fetch.instanceById(account, id, format));

/** GET /serverinfo/statusoverrides */
export const listOverrides: Handle = ({ fetch }, { account }) =>
  inFormat("json", JSON.stringify(fetch.overrides(account)));
