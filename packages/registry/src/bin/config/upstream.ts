/** The settings of an agent: the registry that it follows. */
import { readFileSync } from "node:fs";
import type { Client } from "@rollcall/client";
import { isLegalAccount } from "../../core/index.ts";
import { sayWhy } from "../../net/why.ts";
import type { Value } from "./values.ts";

export interface UpstreamConfig {
  /** One at least when it is used. */
  readonly urls: readonly string[];
  readonly account: string;
  readonly token?: string;
  readonly holdMs: number;
  /** Absolute paths of PEM files. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** `isUsed`: the replicator is upstream. */
export function readUpstream(values: ReadonlyMap<string, Value>, isUsed: boolean, problems: string[]): UpstreamConfig {
  const text = (name: string) => (values.get(`upstream.${name}`) || undefined) as string | undefined;
  const urls = (text("urls") ?? "").split(",").flatMap((one) => one.trim() || []);
  if (isUsed && urls.length === 0)
    problems.push(
      "upstream.urls: an agent needs the address of its registry (rollcall agent --url http://10.0.0.1:7070)",
    );
  for (const url of urls)
    if (!isUrl(url)) problems.push(`upstream.urls: ${JSON.stringify(url)} is no URL such as http://10.0.0.1:7070`);
  const account = text("account") ?? "default";
  if (!isLegalAccount(account)) problems.push(`upstream.account: ${JSON.stringify(account)} is no name of an account`);
  const [token, caFile, certFile, keyFile] = [text("token"), text("ca"), text("cert"), text("key")];
  if ((certFile === undefined) !== (keyFile === undefined))
    problems.push("upstream.cert and upstream.key need each other");
  return {
    urls,
    account,
    holdMs: values.get("upstream.holdMs") as number,
    ...(token !== undefined && { token }),
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  };
}

function isUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** The registry by the SDK, and what reads its certificates again. Throws a sentence when one cannot be read. */
export async function connectUpstream(config: UpstreamConfig): Promise<{ client: Client; renew(): void }> {
  const [{ createClient }, { createQuickFetch }] = await Promise.all([
    import("@rollcall/client"),
    import("../terminal/fetch.ts"),
  ]);
  const open = () => createQuickFetch(readFiles(config));
  let fetch = open();
  const { urls, account, token } = config;
  const client = createClient({
    ...{ url: [...urls], spread: false, account },
    ...(token !== undefined && { token }),
    fetch: (input, init) => fetch(input, init),
  });
  return {
    client,
    renew() {
      fetch = open();
    },
  };
}

function readFiles({ caFile, certFile, keyFile }: UpstreamConfig) {
  return {
    ...(caFile !== undefined && { ca: readPem(caFile) }),
    ...(certFile !== undefined && { cert: readPem(certFile) }),
    ...(keyFile !== undefined && { key: readPem(keyFile) }),
  };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${sayWhy(error)}`);
  }
}
