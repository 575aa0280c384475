/** @live Events: fired, and listed until there are newer ones. */
import type { Call, Desk, Handle, UserEvent } from "../../desk.ts";
import { answerChanged } from "../../requests/changed.ts";
import type { Pattern } from "../../requests/filter/filter.ts";
import { compilePattern } from "../../requests/filter/patterns.ts";
import { jsonOf, text, toJson } from "../../wire/answer.ts";
import { readUint64 } from "../../wire/fields.ts";
import { encodeJson } from "../../wire/json.ts";
import { ownServices } from "../services.ts";

/** As much as the original's gossip carries. */
export const PAYLOAD_BYTES_MAX = 9 * 1024;
const TEXT_LENGTH_MAX = 512;

/** `PUT /v1/event/fire/:name` */
export const fire: Handle = (desk, call) => {
  const [name = ""] = call.params;
  const [node, service, tag] = ["node", "service", "tag"].map((what) => call.query.get(what) ?? "") as Filters;
  if (name === "") return text(400, "Missing name");
  if (tag !== "" && service === "") return text(500, "Cannot provide tag filter without service filter");
  if ([name, node, service, tag].some(({ length }) => length > TEXT_LENGTH_MAX))
    return text(413, `the event's name or a filter of it is longer than ${TEXT_LENGTH_MAX}`);
  const meant = isMeant(desk, call, [node, service, tag]);
  if (typeof meant === "string") return text(500, meant);
  const event = {
    ID: desk.uuid(),
    Name: name,
    Payload: call.body.length === 0 ? null : call.body.toString("base64"),
    NodeFilter: node,
    ServiceFilter: service,
    TagFilter: tag,
    Version: 1,
  };
  // Only agents that it is meant for keep it, and there is one.
  if (meant) desk.events.fire(call.account, event);
  return jsonOf({ ...event, LTime: 0 });
};

type Filters = [node: string, service: string, tag: string];

/** Whether the agent is on that node, and has such a service with such a tag; what is wrong with a filter, in words. */
function isMeant(desk: Desk, call: Call, [node, service, tag]: Filters): boolean | string {
  if (node === "" && service === "") return true;
  const compiled: Pattern[] = [];
  for (const [what, pattern] of [
    ["node", node],
    ["service", service],
    ["tag", tag],
  ] as const) {
    const made = compilePattern(pattern);
    if (made === undefined) return `Invalid ${what} filter: error parsing regexp: ${pattern.slice(0, 100)}`;
    compiled.push(made);
  }
  const [isNode, isService, isTag] = compiled as [Pattern, Pattern, Pattern];
  if (!isNode(desk.agent.node)) return false;
  if (service === "") return true;
  return ownServices(desk, call).some(({ name, tags }) => isService(name) && (tag === "" || tags.some(isTag)));
}

/** `GET /v1/event/list`: the index is not one that grows, so that any other one is news. */
export const list: Handle = (desk, call) => {
  const { account, query } = call;
  const name = query.get("name") ?? "";
  const show = () => {
    const events = desk.events.list(account).filter((event) => name === "" || event.Name === name);
    const last = events.at(-1);
    const mark = last === undefined ? "1" : indexOf(last);
    const answer = toJson(encodeJson(events));
    return { mark, answer: { ...answer, head: { "Content-Type": "application/json", "X-Consul-Index": mark } } };
  };
  const known = readUint64(query.get("index") ?? "");
  return answerChanged(desk, call, known, show, (stir) => desk.events.onNext(account, stir));
};

/** The two halves of its id, one on the other: a number of 64 bits. */
function indexOf({ ID }: UserEvent): string {
  const hex = ID.replaceAll("-", "");
  return String(BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`));
}
