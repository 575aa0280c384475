/** Which path is what. Every prefix that clients use leads to the same place. */
import { decodeSegment } from "../../net/http/query.ts";

export type Place =
  | "apps"
  | "delta"
  | "app"
  | "instance"
  | "status"
  | "metadata"
  | "by-id"
  | "vip"
  | "svip"
  | "asg"
  | "batch"
  | "server-status"
  | "overrides"
  | "dashboard"
  | "lastn";

/** A request's target. `name` is the application (in upper case), the vip or the group; `id` the instance. */
export interface Target {
  readonly place: Place;
  readonly name: string;
  readonly id: string;
}

const SEGMENTS_MAX = 16;
const VERSION = /^v[12]$/i;

/**
 * The target of a raw path; undefined when there is nothing there, or the path is too long. Empty segments do not count,
 * so a slash more or less between a service URL and what a client puts behind it makes no difference.
 */
export function parseTarget(path: string): Target | undefined {
  const raw = path.split("/", SEGMENTS_MAX + 1);
  // Cut, it would lead elsewhere: what takes back an override would cancel the instance.
  if (raw.length > SEGMENTS_MAX) return undefined;
  let from = 0;
  const next = (): string | undefined => {
    while (from < raw.length) {
      const segment = raw[from++] as string;
      if (segment !== "") return segment;
    }
    return undefined;
  };
  let head = next();
  if (head === "eureka") head = next();
  if (head !== undefined && VERSION.test(head)) head = next();
  const first = next();
  const second = next();
  const third = next();
  if (next() !== undefined) return undefined;
  return find(head, first, second, third);
}

function find(
  head: string | undefined,
  first: string | undefined,
  second: string | undefined,
  third: string | undefined,
): Target | undefined {
  switch (head) {
    case "apps":
      if (first === undefined) return target("apps");
      if (first === "delta" && second === undefined) return target("delta");
      return findInApps(first, second, third);
    case "instances":
      return second === undefined ? named("by-id", "", first) : undefined;
    case "vips":
      return second === undefined ? named("vip", first, "") : undefined;
    case "svips":
      return second === undefined ? named("svip", first, "") : undefined;
    case "asg":
      return second === "status" && third === undefined ? named("asg", first, "") : undefined;
    case "peerreplication":
      return first === "batch" && second === undefined ? target("batch") : undefined;
    case "status":
      return first === undefined ? target("server-status") : undefined;
    case "serverinfo":
      return first === "statusoverrides" && second === undefined ? target("overrides") : undefined;
    case "lastn":
      return first === undefined ? target("lastn") : undefined;
    case undefined:
      return target("dashboard");
    default:
      return undefined;
  }
}

function findInApps(app: string, id: string | undefined, sub: string | undefined): Target | undefined {
  if (id === undefined) return named("app", app, "");
  if (sub === undefined) return named("instance", app, id);
  return sub === "status" || sub === "metadata" ? named(sub, app, id) : undefined;
}

function target(place: Place): Target {
  return { place, name: "", id: "" };
}

/** Percent-escapes are resolved once; a bad one leads nowhere. */
function named(place: Place, name: string | undefined, id: string | undefined): Target | undefined {
  if (name === undefined || id === undefined) return undefined;
  const known = decodeSegment(name);
  const identity = decodeSegment(id);
  if (!known.ok || !identity.ok) return undefined;
  const isApp = place === "app" || place === "instance" || place === "status" || place === "metadata";
  return { place, name: isApp ? known.value.toUpperCase() : known.value, id: identity.value };
}
