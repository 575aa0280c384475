/** The settings of the link between nodes. */
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { resolve } from "node:path";
import { sayWhy } from "../../net/why.ts";
import type { Value } from "./values.ts";

export interface LinkConfig {
  /** Where this node listens for the others; empty for where it does for clients. */
  readonly host: string;
  readonly port: number;
  /** The first one is spoken with; none on loopback. */
  readonly keys: readonly string[];
  /** What the others are told, when that is another one. */
  readonly address?: { readonly host: string; readonly port?: number };
}

const KEY_LENGTH_MIN = 32;

/** A path of a key's file begins at `directory`. */
export function readLink(values: ReadonlyMap<string, Value>, directory: string, problems: string[]): LinkConfig {
  const text = (name: string) => (values.get(`link.${name}`) as string | undefined) ?? "";
  const address = readAddress(text("address"));
  if (text("address") !== "" && address === undefined)
    problems.push(`link.address: ${JSON.stringify(text("address"))} is no host with or without a port`);
  return {
    host: text("host"),
    port: values.get("link.port") as number,
    keys: text("key") === "" ? [] : readKeys(text("key"), directory, problems),
    ...(address !== undefined && { address }),
  };
}

/** What is not there as a file is the key itself, unless it looks like a path. Never shown: it may be a key. */
function readKeys(given: string, directory: string, problems: string[]): readonly string[] {
  let keys = [given];
  try {
    keys = readFileSync(resolve(directory, given), "utf8").split("\n");
  } catch (error) {
    const isMissing = ["ENOENT", "ENAMETOOLONG", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
    if (!isMissing || given.includes("/")) problems.push(`link.key: the file cannot be read: ${sayWhy(error)}`);
  }
  keys = keys.map((key) => key.trim()).filter((key) => key !== "");
  if (keys.length === 0 || keys.some((key) => key.length < KEY_LENGTH_MIN))
    problems.push(`link.key: a key has at least ${KEY_LENGTH_MIN} characters, as from "openssl rand -hex 32"`);
  return keys;
}

export function readAddress(text: string): LinkConfig["address"] {
  if (isIPv6(text)) return { host: text };
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65535) return undefined;
  return { host, ...(port !== undefined && { port: Number(port) }) };
}
