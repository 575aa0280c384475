/** Addresses of pages: everything that can be looked at has one. */

export type Place =
  | { readonly page: "overview" | "instances" | "events" | "changes" | "map"; readonly account: string }
  | { readonly page: "service"; readonly account: string; readonly service: string; readonly tab: ServiceTab }
  | { readonly page: "instance"; readonly account: string; readonly service: string; readonly id: string }
  | { readonly page: "config"; readonly account: string; readonly key: string }
  | { readonly page: "cluster" | "signin" | "home" }
  | { readonly page: "missing"; readonly path: string };

export const SERVICE_TABS = ["instances", "events", "dependencies", "names"] as const;
export type ServiceTab = (typeof SERVICE_TABS)[number];

const LISTS: ReadonlySet<string> = new Set(["instances", "events", "changes", "map"]);

export function toPlace(path: string): Place {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts[0] !== "ui") return parts.length === 0 ? { page: "home" } : { page: "missing", path };
  const [, first = "", second, third, fourth, fifth] = parts.map(decode);
  if (first === "" || first === "cluster" || first === "signin")
    return parts.length > 2 ? { page: "missing", path } : { page: first === "" ? "home" : first };
  const account = first;
  if (second === undefined) return { page: "overview", account };
  // A key's own slashes are part of it, and so is one at its end.
  if (second === "config")
    return { page: "config", account, key: decode(path.replace(/^\/*ui\/[^/]+\/config\/?/, "")) };
  if (LISTS.has(second) && third === undefined) return { page: second as "events", account };
  if (second !== "services" || third === undefined) return { page: "missing", path };
  if (fourth === "instances" && fifth !== undefined) return { page: "instance", account, service: third, id: fifth };
  if (fourth === undefined) return { page: "service", account, service: third, tab: "instances" };
  return isTab(fourth) && parts.length === 5
    ? { page: "service", account, service: third, tab: fourth }
    : { page: "missing", path };
}

function isTab(word: string): word is ServiceTab {
  return (SERVICE_TABS as readonly string[]).includes(word);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function pathTo(account: string, ...rest: readonly string[]): string {
  return `/ui/${[account, ...rest].map(encodeURIComponent).join("/")}`;
}

export function serviceAt(account: string, service: string, tab: ServiceTab = "instances"): string {
  return pathTo(account, "services", service, ...(tab === "instances" ? [] : [tab]));
}

export function instanceAt(account: string, service: string, id: string): string {
  return pathTo(account, "services", service, "instances", id);
}

/** Slashes stay readable. */
export function keyAt(account: string, key: string): string {
  return `${pathTo(account, "config")}/${encodeURIComponent(key).replaceAll("%2F", "/")}`;
}
