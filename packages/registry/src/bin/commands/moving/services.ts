/** External services of a Consul: those on nodes that have no agent, with their checks. */
import { isDeepStrictEqual } from "node:util";
import type { Json } from "../../../net/routes/json.ts";
import { type Consul, each } from "./consul.ts";
import type { Copied } from "./copied.ts";
import type { CopyOptions } from "./keys.ts";

type Members = Readonly<Record<string, Json>>;

/** A node with what stands on it, as `catalog/register` takes it. */
interface Standing {
  readonly node: Members;
  readonly services: readonly Members[];
  readonly checks: readonly Members[];
}

/** Every agent gives its node this check. */
const SERF_HEALTH = "serfHealth";

/** Answers how many services stand on nodes with an agent: these are not copied. */
export async function copyServices(from: Consul, to: Consul, options: CopyOptions, copied: Copied): Promise<number> {
  const nodes = parse<readonly Members[]>(await from.list("catalog/nodes"));
  let withAgents = 0;
  await each(nodes, async ({ Node }) => {
    const there = await read(from, String(Node));
    // Deleted since the list was made.
    if (there === undefined) return;
    if (there.checks.some(({ CheckID }) => CheckID === SERF_HEALTH)) {
      withAgents += there.services.filter(({ Service }) => Service !== "consul").length;
      return;
    }
    const here = await read(to, String(Node));
    for (const service of there.services) await copy(to, there, service, here, options, copied);
    if (there.services.length === 0) await copy(to, there, undefined, here, options, copied);
  });
  return withAgents;
}

async function copy(
  to: Consul,
  there: Standing,
  service: Members | undefined,
  here: Standing | undefined,
  options: CopyOptions,
  copied: Copied,
): Promise<void> {
  const name = `${there.node.Node}/${service?.ID ?? ""}`;
  const wanted = registration(there, service);
  let isSame = false;
  const known = here?.services.find(({ ID }) => ID === service?.ID);
  if (here !== undefined && (service === undefined || known !== undefined)) {
    isSame = isDeepStrictEqual(registration(here, known), wanted);
    if (!isSame && !options.overwrite) return copied.add("differs", name);
  }
  const fate = isSame ? "same" : "copied";
  if (options.dryRun) return copied.add(fate, name);
  // What is the same may be a mirrored one, which this makes one to stay.
  const { status, body } = await to.ask("PUT", "catalog/register", JSON.stringify(wanted));
  if (status === 200) copied.add(fate, name);
  else copied.add("refused", name, body.toString("utf8", 0, 200).trim());
}

async function read(at: Consul, node: string): Promise<Standing | undefined> {
  const place = encodeURIComponent(node);
  const found = parse<{ readonly Node: Members; readonly Services: Readonly<Record<string, Members>> } | null>(
    await at.list(`catalog/node/${place}`),
  );
  if (found === null) return undefined;
  const checks = parse<readonly Members[]>(await at.list(`health/node/${place}`));
  return { node: found.Node, services: Object.values(found.Services), checks };
}

function parse<T>(body: Buffer): T {
  return JSON.parse(body.toString("utf8")) as T;
}

/** Without what each catalog numbers by itself. */
function registration({ node, checks }: Standing, service: Members | undefined): Members {
  const own = checks.filter(({ ServiceID }) => ServiceID === "" || ServiceID === service?.ID);
  return {
    ...pick(node, ["ID", "Node", "Address", "TaggedAddresses"]),
    NodeMeta: node.Meta ?? {},
    ...(service === undefined ? {} : { Service: pick(service, SERVICE) }),
    Checks: own.map((check) => pick(check, CHECK)),
  };
}

const SERVICE = ["ID", "Service", "Tags", "Address", "Meta", "Port", "Weights", "EnableTagOverride", "TaggedAddresses"];
const CHECK = ["Node", "CheckID", "Name", "Status", "Notes", "Output", "ServiceID", "Type", "Definition"];

/** What is left out, null or empty is one. */
function pick(from: Members, names: readonly string[]): Members {
  const found = names.map((name) => [name, from[name]] as const);
  return Object.fromEntries(found.filter(([, value]) => value != null && !isEmpty(value)));
}

function isEmpty(value: Json): boolean {
  return value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}
