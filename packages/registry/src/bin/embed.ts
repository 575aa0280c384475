/** A registry in another program: in its tests, or as a part of it. The package's export. */
import { loadServeConfig } from "./config/load.ts";
import { PORTS } from "./dialects.ts";
import { assemble } from "./house/assemble.ts";
import { createLog } from "./log/logger.ts";
import { toUrl } from "./terminal/output.ts";

/** Settings by the names and with the values of the configuration file; those named here have other defaults. */
export interface RegistrySettings {
  /** Directory of the store. Left out, the registry is in memory and forgets everything when it is closed. */
  readonly data?: string;
  /** The native API alone when left out. */
  readonly dialects?: readonly string[] | "all";
  /** By dialect; a free port for each that is left out or 0. */
  readonly ports?: Readonly<Record<string, number>>;
  /** How this node speaks to others of one etcd; a free port when none is given. */
  readonly link?: { readonly port?: number; readonly key?: string; readonly host?: string; readonly address?: string };
  /** To stderr; nothing when left out. */
  readonly log?: { readonly level?: string; readonly format?: "text" | "json" };
  readonly [setting: string]: unknown;
}

export interface StartedRegistry {
  /** Of the native API, without a slash at the end: `http://127.0.0.1:41327`. */
  readonly url: string;
  /** What listens where; `scheme` is `http`, `https`, `tcp` or `udp`. */
  readonly endpoints: ReadonlyArray<{
    readonly dialect: string;
    readonly scheme: string;
    readonly host: string;
    readonly port: number;
  }>;
  /** The first port of a dialect. Throws when that is not open. */
  port(dialect?: string): number;
  /** Ends streams, answers what is under way, closes the store. */
  close(): Promise<void>;
}

export interface EmbedOptions {
  /**
   * Told when the disk failed under the store. What was acknowledged is safe; nothing more can be written, and the
   * process should end: the library that keeps the store may reject promises that nobody waits for.
   */
  readonly onBroken?: (why: string) => void;
}

/** Starts a registry in this process. Rejects with a sentence when a setting is wrong, a port taken or a store refused. */
export async function startRegistry(
  settings: RegistrySettings = {},
  { onBroken = () => {} }: EmbedOptions = {},
): Promise<StartedRegistry> {
  const { data, dialects = ["http"], ports, log, link, ...others } = settings;
  const loaded = loadServeConfig({
    flags: {},
    env: {},
    cwd: process.cwd(),
    settings: {
      replicator: data === undefined ? "memory" : "embedded",
      ...others,
      data,
      dialects,
      ports: { ...Object.fromEntries(PORTS.map(({ name }) => [name, 0])), ...ports },
      log: { level: "silent", ...log },
      link: { port: 0, ...link },
    },
  });
  if (!loaded.ok) throw new Error(`the settings are not right: ${loaded.problems.join("; ")}`);
  const config = loaded.value;
  const stderr = { lost: 0, write: (line: string) => process.stderr.write(line) || true };
  const running = await assemble(config, {
    log: createLog(config.logFormat, config.logLevel, stderr),
    linesLost: () => 0,
    onBroken,
    onAnew: (why) => onBroken(`the registry that is followed begins anew: ${why}`),
  });
  const { endpoints } = running;
  const find = (dialect: string) => {
    const found = endpoints.find((one) => one.dialect === dialect);
    if (found === undefined) throw new Error(`${dialect} is not open`);
    return found;
  };
  let closing: Promise<void> | undefined;
  return {
    endpoints,
    get url() {
      const { scheme, host, port } = find("http");
      return toUrl(scheme, host, port);
    },
    port: (dialect = "http") => find(dialect).port,
    close() {
      closing ??= running.stop();
      return closing;
    },
  };
}
