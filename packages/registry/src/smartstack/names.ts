/** How a path of ZooKeeper names a service of the registry: the same for who registers and who looks. Pure. */
import { isLegalName } from "../core/index.ts";

/** Folders that only say what is in them: `/nerve/services/db/services` is `db`. */
const PLAIN: ReadonlySet<string> = new Set(["services", "instances", "nodes"]);

/** The last folder that says something; undefined when there is none that is a legal name. */
export function serviceOfPath(path: string): string | undefined {
  const folders = path.split("/").filter((folder) => folder !== "");
  const name = folders.findLast((folder) => !PLAIN.has(folder)) ?? folders.at(-1);
  return name !== undefined && isLegalName(name) ? name : undefined;
}

/** As ZooKeeper takes it. */
export function tidyPath(path: string): string {
  return `/${path
    .split("/")
    .filter((folder) => folder !== "")
    .join("/")}`;
}

/** Where the words of HAProxy's `server` line stand among an instance's meta entries. */
export const META_OPTIONS = "haproxy_server_options";
