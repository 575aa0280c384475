/** The settings of an etcd that holds the registry. */
import { readFileSync } from "node:fs";
import { sayWhy } from "../../net/why.ts";
import type { ClientOptions } from "../../replicators/etcd/client/client.ts";
import type { Value } from "./values.ts";

export interface EtcdConfig {
  /** URLs without a slash at the end; one at least when it is used. */
  readonly endpoints: readonly string[];
  readonly user?: { readonly name: string; readonly password: string };
  readonly prefix: string;
  readonly historyBytesMax: number;
  /** Absolute paths of PEM files. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** `isUsed`: the replicator is etcd. */
export function readEtcd(values: ReadonlyMap<string, Value>, isUsed: boolean, problems: string[]): EtcdConfig {
  const text = (name: string) => values.get(`etcd.${name}`) as string | undefined;
  const endpoints = (text("endpoints") ?? "").split(",").flatMap((one) => one.trim() || []);
  if (isUsed && endpoints.length === 0) problems.push("replicator etcd needs etcd.endpoints (--etcd)");
  for (const endpoint of endpoints)
    if (!isEndpoint(endpoint))
      problems.push(`etcd.endpoints: ${JSON.stringify(endpoint)} is no URL such as http://10.0.0.1:2379`);
  const [caFile, certFile, keyFile] = [text("ca"), text("cert"), text("key")];
  if ((certFile === undefined) !== (keyFile === undefined)) problems.push("etcd.cert and etcd.key need each other");
  const user = text("user") ?? "";
  const colon = user.indexOf(":");
  if (user !== "" && colon < 1) problems.push("etcd.user must be a name and a password with a colon between them");
  return {
    endpoints: endpoints.map((one) => one.replace(/\/$/, "")),
    prefix: text("prefix") ?? "",
    historyBytesMax: values.get("etcd.historyBytesMax") as number,
    ...(user !== "" && { user: { name: user.slice(0, colon), password: user.slice(colon + 1) } }),
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  };
}

function isEndpoint(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === "/" && url.username === "";
}

/** Reads the files; throws a sentence when one cannot be read. */
export function toClientOptions({ endpoints, user, caFile, certFile, keyFile }: EtcdConfig): ClientOptions {
  return {
    endpoints,
    ...(user !== undefined && { user }),
    secure: {
      ...(caFile !== undefined && { ca: readPem(caFile) }),
      ...(certFile !== undefined && { cert: readPem(certFile) }),
      ...(keyFile !== undefined && { key: readPem(keyFile) }),
    },
  };
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${sayWhy(error)}`, { cause: error });
  }
}
