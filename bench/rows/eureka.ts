/** Eureka's clients at Rollcall, beside a stock Eureka server, what its documents say of it, and bare Node. */
import { SPRING_CLOUD } from "../peers/java.ts";
import type { Comparison, Documented, Goal, Group, Row } from "../row.ts";
import { EUREKA_FETCH, EUREKA_FETCH_MANY } from "../scenarios/eureka/fetch.ts";
import { EUREKA_HEARTBEAT } from "../scenarios/eureka/heartbeat.ts";
import { EUREKA_VIEW } from "../scenarios/eureka/view.ts";

const STOCK = `the same, Spring Cloud ${SPRING_CLOUD} with its defaults`;

function eureka(metric: string, work = STOCK): Comparison {
  return { peer: "eureka", metric, work };
}

function node(metric: string, work: string): Comparison {
  return { peer: "node", metric, work };
}

function toRow(id: string, scenario: string, title: string, ours: string, beside: Comparison[], goal?: Goal): Row {
  const row: Row = { id, scenario, title, unit: "/s", ours, beside };
  return goal === undefined ? row : { ...row, goal };
}

const BARE_HEARTBEAT = "Node's HTTP server alone, an empty 200 to anything";
const BARE_FETCH = "Node's HTTP server alone, our answer ready in memory";

const HEARTBEATS: readonly Row[] = [
  toRow(
    "eureka-heartbeat",
    EUREKA_HEARTBEAT.id,
    "heartbeat as Java's client sends it",
    "java",
    [eureka("java"), node("java", BARE_HEARTBEAT)],
    { atLeast: 40_000 },
  ),
  toRow(
    "eureka-heartbeat-bare",
    EUREKA_HEARTBEAT.id,
    "heartbeat as JavaScript's client sends it",
    "bare",
    [eureka("bare"), node("bare", BARE_HEARTBEAT)],
    { atLeast: 40_000 },
  ),
];

const FORM_TITLES = {
  json: "JSON, plain",
  jsonGzip: "JSON, gzip",
  xml: "XML, plain",
  xmlGzip: "XML, gzip",
};

const FORM_IDS = { json: "json", jsonGzip: "json-gzip", xml: "xml", xmlGzip: "xml-gzip" };

type Form = keyof typeof FORM_TITLES;

function listFetchRows(id: string, scenario: string, count: string, goals: Partial<Record<Form, Goal>>): Row[] {
  const forms = Object.keys(FORM_TITLES) as Form[];
  const still = forms.map((form) => {
    const bare = form.startsWith("json") ? [node(form, BARE_FETCH)] : [];
    const title = `full fetch of ${count} instances, ${FORM_TITLES[form]}`;
    return toRow(`${id}-${FORM_IDS[form]}`, scenario, title, form, [eureka(form), ...bare], goals[form]);
  });
  const changing = (["json", "jsonGzip"] as const).map((form) => {
    const title = `full fetch of ${count} instances, ${FORM_TITLES[form]}, 50 registrations/s beside`;
    const metric = `${form}Changing`;
    const beside = [eureka(metric, `${STOCK}: up to 30 s old`)];
    return toRow(`${id}-${FORM_IDS[form]}-changing`, scenario, title, metric, beside);
  });
  return [...still, ...changing];
}

/** Beyond the lease. */
const CRASH_MS_MAX = 1000;

/** From the wiki of Netflix/eureka and the sources of its defaults; README.md has the sums. */
function stock(value: number, work: string): Documented {
  return { peer: "stock Eureka", value, work };
}

const VIEW_SERVER = stock(30_000, "its response cache, copied every 30 s");
const VIEW_CLIENT = stock(90_000, "that, the client's fetch every 30 s and its load balancer's list of 30 s");
const CRASH_SERVER = stock(180_000, "lease of 90 s held twice, eviction every 60 s, response cache 30 s");
const CRASH_CLIENT = stock(240_000, "that, the client's fetch and its list of 30 s each: 330 s with the lease");

function toTimeRow(id: string, title: string, ours: string, beside: readonly Comparison[] = [eureka(ours)]): Row {
  return { id, scenario: EUREKA_VIEW.id, title, unit: "ms", ours, beside };
}

const IN_FULL = "register answered to the full fetch that has it";
const IN_DELTA = "register answered to the delta that has it";
const GONE = "crash to the first fetch without it, beyond the lease";
const LOADED = "under heartbeats";

const VIEWS: readonly Row[] = [
  toTimeRow("eureka-view", `${IN_FULL}, median`, "fullAck"),
  {
    ...toTimeRow("eureka-view-worst", `${IN_FULL}, worst`, "fullAckWorst"),
    documented: [VIEW_SERVER, VIEW_CLIENT],
  },
  toTimeRow("eureka-view-delta", `${IN_DELTA}, median`, "deltaAck"),
  {
    ...toTimeRow("eureka-view-delta-worst", `${IN_DELTA}, worst`, "deltaAckWorst"),
    documented: [VIEW_SERVER, VIEW_CLIENT],
  },
  toTimeRow("eureka-view-post", "register sent to the full fetch that has it, median", "fullPost"),
  toTimeRow("eureka-view-loaded", `${IN_FULL}, ${LOADED}, median`, "loadedFullAck", []),
  toTimeRow("eureka-view-loaded-worst", `${IN_FULL}, ${LOADED}, worst`, "loadedFullAckWorst", []),
  {
    ...toTimeRow("eureka-stale", "fetches without a change, sent after it was answered", "stale"),
    unit: "answers",
    goal: { atMost: 0 },
    each: true,
  },
  toTimeRow("eureka-crash", `${GONE}, median`, "crash"),
  {
    ...toTimeRow("eureka-crash-worst", `${GONE}, worst`, "crashWorst"),
    documented: [CRASH_SERVER, CRASH_CLIENT],
    goal: { atMost: CRASH_MS_MAX },
    each: true,
  },
  {
    ...toTimeRow("eureka-crash-loaded", `${GONE}, ${LOADED}, worst`, "loadedCrashWorst", []),
    goal: { atMost: CRASH_MS_MAX },
    each: true,
  },
];

const FETCHES: readonly Row[] = [
  ...listFetchRows("eureka-fetch", EUREKA_FETCH.id, "1 000", {
    json: { atLeast: 1500 },
    jsonGzip: { atLeast: 5000 },
  }),
  ...listFetchRows("eureka-many", EUREKA_FETCH_MANY.id, "10 000", {}),
];

export const EUREKA: Group = {
  id: "eureka",
  title: "Rollcall beside Eureka",
  programs: ["wrk"],
  scenarios: [EUREKA_HEARTBEAT, EUREKA_FETCH, EUREKA_FETCH_MANY, EUREKA_VIEW],
  rows: [...HEARTBEATS, ...FETCHES, ...VIEWS],
};
