/** @live Handler of the instances of a service that are gone: as they were last, and why they went. */
import type { EventBody, GoneBody, InstanceBody } from "@rollcall/client";
import { type Change, leaverOf, refuse } from "../../../core/index.ts";
import { decodeEventCursor } from "../../../native/wire/commits.ts";
import { decodeTime, toTime } from "../../../native/wire/numbers.ts";
import { ELSEWHERE } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, OF_ANOTHER, toJsonBody } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { NO_CURSOR } from "../follow/events.ts";
import { Feed } from "../follow/feed.ts";
import { decodePage } from "../wire/query.ts";

const GONE_DEFAULT = 100;
const SINCE_DEFAULT = "-24h";

/** GET …/services/:service/gone */
export async function getGone(exchange: Exchange): Promise<Result> {
  const { desk, account, params, query } = exchange;
  const service = params[0] as string;
  const page = decodePage(query, GONE_DEFAULT);
  if (!page.ok) return page;
  const sinceMs = decodeTime(query.get("since") ?? SINCE_DEFAULT, desk.clock.now());
  if (sinceMs === undefined)
    return refuse("invalid", "query parameter since must be a time such as 2030-01-31T12:00:00Z, or like -15m");
  const text = query.get("before");
  const before = text === undefined ? undefined : decodeEventCursor(text, desk.mark);
  if (text !== undefined && before === undefined) return NO_CURSOR;
  if (before?.revision === ELSEWHERE) return OF_ANOTHER;
  const filter = (change: Change): boolean => change.kind === "instance" && leaverOf(change)?.service === service;
  const feed = new Feed(exchange, { filter, brief: false });
  const since = await desk.registry.revisionAt(sinceMs);
  const found = await desk.readers.read(account, () =>
    feed.read({ after: undefined, since, before }, page.value.limit),
  );
  if (!found.ok) return found;
  const events = found.value.events.map((one) => JSON.parse(one) as EventBody).reverse();
  const isThere = desk.registry.read((view) => {
    const { instances } = view.account(account)?.service(service) ?? { instances: new Map<string, unknown>() };
    return new Set(events.map(({ before: last }) => (last as InstanceBody).id).filter((id) => instances.has(id)));
  });
  return toJsonBody(
    encodeList({ service, since: toTime(sinceMs) }, "gone", toRows(events, isThere), { next: found.value.next }),
  );
}

/** Each once: as it went last, unless it is back. */
function* toRows(events: readonly EventBody[], isThere: ReadonlySet<string>): Iterable<GoneBody["gone"][number]> {
  const seen = new Set(isThere);
  for (const { revision, at, type, reason, by, before } of events) {
    const last = before as InstanceBody;
    if (seen.has(last.id)) continue;
    seen.add(last.id);
    yield { id: last.id, at, revision, cause: type.slice("instance.".length), reason, by, last };
  }
}
