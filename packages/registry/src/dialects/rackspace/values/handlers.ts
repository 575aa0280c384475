/** @live Configuration: list, read, set, delete. */
import { type Answer, answerPage, type Call, changedAt, type Desk } from "../desk.ts";
import { toFault } from "../refusals.ts";
import { parseValue } from "../wire/bodies.ts";
import { missing, wrongParameter } from "../wire/faults.ts";
import { checkNamespace, checkValueId, VALUE_MARKER_LENGTH_MAX } from "../wire/fields.ts";
import { parsePage } from "../wire/page.ts";
import { eachValue, explainSet, toSet, toValueBody, type ValueBody } from "./keys.ts";

export function listValues(desk: Desk, call: Call, namespace: string | null): Answer | Promise<Answer> {
  const wrong = namespace === null ? undefined : checkNamespace(namespace);
  if (wrong !== undefined) return { fault: wrongParameter("configurationId", wrong) };
  const request = parsePage(call.query, VALUE_MARKER_LENGTH_MAX);
  if (!request.ok) return request;
  return answerPage(desk, call, request.value, {
    each: (owner, from) => eachValue(owner, namespace, from),
    show: (value) => () => value,
    copied: ({ value }) => value.length,
  });
}

function refuseId(id: string): Answer | undefined {
  const wrong = checkValueId(id);
  return wrong === undefined ? undefined : { fault: wrongParameter("configurationId", wrong) };
}

function readValue(desk: Desk, call: Call, id: string): ValueBody | null {
  return desk.registry.read((view) => {
    const entry = view.entry(call.account, id);
    return entry === undefined ? null : toValueBody(entry);
  });
}

export function getValue(desk: Desk, call: Call, id: string): Answer {
  const refused = refuseId(id);
  if (refused !== undefined) return refused;
  const body = readValue(desk, call, id);
  return body === null ? { fault: missing("ConfigurationValue", id) } : { status: 200, body };
}

export async function setValue(desk: Desk, call: Call, id: string): Promise<Answer> {
  const refused = refuseId(id);
  if (refused !== undefined) return refused;
  const parsed = parseValue(call.body);
  if (!parsed.ok) return parsed;
  const { valuesMax } = desk.quotas;
  const outcome = await desk.registry.propose(call.account, toSet(id, parsed.value, valuesMax));
  if (!outcome.ok) return { fault: toFault(outcome) };
  const fault = explainSet(outcome.value, valuesMax);
  return fault === undefined ? changedAt(call, `/configuration/${id}`) : { fault };
}

export async function deleteValue(desk: Desk, call: Call, id: string): Promise<Answer> {
  const refused = refuseId(id);
  if (refused !== undefined) return refused;
  const { account } = call;
  if (readValue(desk, call, id) === null) return { fault: missing("ConfigurationValue", id) };
  const outcome = await desk.registry.propose(account, { kind: "delete", from: id });
  if (!outcome.ok) return { fault: toFault(outcome) };
  // Of two at once, one finds it gone.
  return outcome.value.commit === null ? { fault: missing("ConfigurationValue", id) } : { status: 204 };
}
