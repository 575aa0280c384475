/** A whole Rollcall as a process of its own, which ends with the test. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DIALECTS, NATIVE_PORT, PORTS } from "../../packages/registry/src/bin/dialects.ts";
import { freePort } from "./ports.ts";
import { cleanEnvironment, type Exit, type LogLine, Program } from "./process.ts";
import { ROOT } from "./root.ts";
import { type Scope, temporaryDirectory, until } from "./scope.ts";

/** The built program. */
export const PROGRAM = join(ROOT, "packages/registry/dist/bin/rollcall.js");

export interface StartOptions {
  /** `serve` when left out; what runs a registry and says where it listens. */
  readonly command?: "serve" | "agent";
  /** The data directory; a temporary one when left out. */
  readonly data?: string;
  /** More flags of `rollcall serve`. */
  readonly flags?: readonly string[];
  /** Which are open, "http" at least; "all" are the program's own choice. Left out: http alone, unless flags or a file say it. */
  readonly dialects?: string;
  /** More environment; `ROLLCALL_…` of the caller is never inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long the start may take. */
  readonly readyMsMax?: number;
  /** Flags of node itself. */
  readonly nodeFlags?: readonly string[];
  /** What it is started behind; a program that becomes the one named to it. */
  readonly prefix?: readonly string[];
}

/** A running registry. */
export interface Rollcall {
  /** Of the native listener, without a slash at the end. */
  readonly url: string;
  /** The first port of a dialect; throws when it is not mounted. */
  port(dialect?: string): number;
  readonly endpoints: readonly Endpoint[];
  readonly pid: number;
  readonly data: string;
  /** All that went to stderr since the last start. */
  stderr(): string;
  /** The JSON lines of stdout and stderr since the last start. */
  readonly logs: readonly LogLine[];
  readonly exited: Promise<Exit>;
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** SIGTERM, then waits. */
  stop(): Promise<Exit>;
  /** Starts again on the same data and ports; ends a running process by SIGKILL first. */
  restart(options?: Pick<StartOptions, "flags" | "env">): Promise<void>;
}

export interface Endpoint {
  readonly dialect: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

const LINK_PORT = "link-port";

const PORT_FLAGS = [...PORTS.map(({ name }) => `${name}-port`), LINK_PORT];

/** The flags of the ports that are opened: a test gets free ones unless it says otherwise. */
function portFlagsOf(flags: readonly string[]): readonly string[] {
  const at = flags.indexOf("--dialects");
  const open = at < 0 ? undefined : (flags[at + 1] ?? "").split(",");
  const listed = DIALECTS.filter(({ name }) => open === undefined || open.includes(name));
  const isNode = flags.includes("etcd") || flags.includes("gossip");
  const names = [NATIVE_PORT, ...listed.flatMap(({ ports }) => ports)].map(({ name }) => `${name}-port`);
  return isNode ? [...names, LINK_PORT] : names;
}

/** The flags with a free port in place of each port 0, so that a restart can use the same one. */
function named(flags: readonly string[]): Promise<readonly string[]> {
  const isPort = (flag: string | undefined): boolean => PORT_FLAGS.some((port) => flag === `--${port}`);
  return Promise.all(
    flags.map(async (flag, index) => (flag === "0" && isPort(flags[index - 1]) ? String(await freePort()) : flag)),
  );
}

/** Starts `rollcall serve` on free ports and waits until it is ready. A start that fails shows its stderr. */
export async function startRollcall(scope: Scope, options: StartOptions = {}): Promise<Rollcall> {
  const data = options.data ?? join(temporaryDirectory(scope), "data");
  const server = new Server(data, options);
  scope.after(async () => {
    await server.kill("SIGKILL");
  });
  await server.launch(options.flags ?? [], options.env ?? {});
  return server;
}

class Server implements Rollcall {
  readonly data: string;
  readonly #options: StartOptions;
  #program: Program | undefined;
  #endpoints: Endpoint[] = [];

  constructor(data: string, options: StartOptions) {
    this.data = data;
    this.#options = options;
  }

  async launch(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    const { prefix = [], nodeFlags = [], dialects, command = "serve" } = this.#options;
    const isSaid =
      flags.includes("--dialects") || dialects === "all" || (dialects === undefined && flags.includes("--config"));
    const more = [...(isSaid ? [] : ["--dialects", dialects ?? "http"]), ...flags];
    const own = [command, "--data", this.data, "--log-format", "json"];
    for (const port of portFlagsOf(more))
      if (!more.some((flag) => flag === `--${port}` || flag.startsWith(`--${port}=`)))
        own.push(`--${port}`, String(await freePort()));
    own.push(...(await named(more)));
    const [first, ...args] = [...prefix, process.execPath, ...nodeFlags, PROGRAM, ...own] as [string];
    const program = new Program(first, args, { env: cleanEnvironment(env), cwd: tmpdir() });
    this.#program = program;
    const timeoutMs = this.#options.readyMsMax ?? 60_000;
    try {
      await until(() => program.gone !== undefined || program.logs.some((line) => line.event === "ready"), {
        timeoutMs,
        what: "the registry to be ready",
      });
      if (program.gone !== undefined) throw new Error(`the registry ended with ${JSON.stringify(program.gone)}`);
    } catch (error) {
      await program.kill("SIGKILL");
      const output = `${program.lines.join("\n")}\n${program.stderr()}`.trim();
      throw new Error(`${(error as Error).message}\n--- rollcall ${own.join(" ")}\n${output}`);
    }
    this.#endpoints = program.logs.filter((line) => line.event === "listening") as unknown as Endpoint[];
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  get url(): string {
    const native = this.#find("http");
    return `${native.scheme}://${native.host.includes(":") ? `[${native.host}]` : native.host}:${native.port}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  get logs(): readonly LogLine[] {
    return this.#running().logs;
  }

  get exited(): Promise<Exit> {
    return this.#running().exited;
  }

  port(dialect = "http"): number {
    return this.#find(dialect).port;
  }

  stderr(): string {
    return this.#running().stderr();
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    return this.#program === undefined ? { code: null, signal: null } : this.#program.kill(signal);
  }

  async stop(): Promise<Exit> {
    return this.kill("SIGTERM");
  }

  async restart(options: Pick<StartOptions, "flags" | "env"> = {}): Promise<void> {
    const ports = this.#endpoints;
    await this.kill("SIGKILL");
    const flags = [...(options.flags ?? this.#options.flags ?? [])];
    for (const [index, flag] of flags.entries()) {
      const dialect = /^--(.+)-port$/.exec(flag)?.[1];
      const known = ports.find((endpoint) => endpoint.dialect === dialect);
      if (known && flags[index + 1] === "0") flags[index + 1] = String(known.port);
    }
    for (const { dialect, port } of ports) {
      const flag = `--${dialect}-port`;
      if (PORT_FLAGS.includes(flag.slice(2)) && !flags.includes(flag)) flags.push(flag, String(port));
    }
    await this.launch(flags, options.env ?? this.#options.env ?? {});
  }

  #running(): Program {
    if (this.#program === undefined) throw new Error("the registry was not started");
    return this.#program;
  }

  #find(dialect: string): Endpoint {
    const found = this.#endpoints.find((endpoint) => endpoint.dialect === dialect);
    if (found === undefined) throw new Error(`${dialect} does not listen; ${JSON.stringify(this.#endpoints)} do`);
    return found;
  }
}
