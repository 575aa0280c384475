/** The options of every command, and the registry that they lead to. */
import type { Client } from "@rollcall/client";
import { type Command, Option } from "commander";
import { EXIT, Failure } from "./exit.ts";
import { createOutput, type Output } from "./output.ts";
import { stderr, stdout } from "./streams.ts";

export interface GlobalOptions {
  readonly url: string;
  readonly account: string;
  readonly token?: string;
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly output: "table" | "json";
  readonly color: boolean;
}

export const DEFAULT_URL = "http://127.0.0.1:7070";
export const DEFAULT_ACCOUNT = "default";

export function addGlobalOptions(program: Command): void {
  const group = "Options of every command:";
  const options = [
    new Option("--url <urls>", "where the registry listens; nodes of one have commas between them")
      .env("ROLLCALL_URL")
      .default(DEFAULT_URL),
    new Option("--account <name>", "the account to work in").env("ROLLCALL_ACCOUNT").default(DEFAULT_ACCOUNT),
    new Option("--token <token>", "the token to show").env("ROLLCALL_TOKEN"),
    new Option("--ca <file>", "the authority of the registry's certificate (PEM)").env("ROLLCALL_CA"),
    new Option("--client-cert <file>", "a certificate to show (PEM)").env("ROLLCALL_CLIENT_CERT"),
    new Option("--client-key <file>", "its private key (PEM)").env("ROLLCALL_CLIENT_KEY"),
    new Option("-o, --output <format>", "tables for people or JSON for scripts")
      .choices(["table", "json"])
      .env("ROLLCALL_OUTPUT")
      .default("table"),
    new Option("--no-color", "no colours; NO_COLOR does the same"),
  ];
  for (const option of options) program.addOption(option.helpGroup(group));
}

export interface Context {
  readonly client: Client;
  readonly out: Output;
  readonly account: string;
}

export function outputOf(command: Command): Output {
  const options = command.optsWithGlobals<GlobalOptions>();
  const { NO_COLOR, TERM } = process.env;
  return createOutput({
    json: options.output === "json",
    colour: options.color && !NO_COLOR && TERM !== "dumb" && stdout().isTTY === true,
    stdout: stdout(),
    stderr: stderr(),
  });
}

/** Loads the SDK and makes a client from the global options. */
export async function connect(command: Command): Promise<Context> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const [{ createClient }, { openQuickFetch }] = await Promise.all([import("@rollcall/client"), import("./fetch.ts")]);
  const url = checkUrls(options.url);
  const { ca, clientCert, clientKey, account, token } = options;
  const fetch = openQuickFetch({ ca, clientCert, clientKey });
  return {
    client: createClient({ url, spread: false, account, token, fetch }),
    out: outputOf(command),
    account: options.account,
  };
}

/** For the sentence about an empty list: names the account, which may be mistyped, unless it is the default one. */
export function inAccount({ account }: Context): string {
  return account === DEFAULT_ACCOUNT ? "" : ` in the account ${account}`;
}

function checkUrls(text: string): string[] {
  return text.split(",").map((one) => checkUrl(one.trim()));
}

function checkUrl(text: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text.includes("://") ? text : `http://${text}`);
  } catch {
    // Refused below.
  }
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Failure(EXIT.usage, `"${text}" is no URL of a registry`, `An example: --url ${DEFAULT_URL}`);
  return url.href;
}

/** Refuses a position that the registry has not reached. Also fails at once when it is out of reach. */
export async function checkReached(client: Client, after: number | undefined): Promise<void> {
  const { revision } = await client.status();
  if (after !== undefined && after > revision)
    throw new Failure(EXIT.notFound, `revision ${after} is not there yet: the registry is at ${revision}`);
}

/** How long an end in order may take: a reader that takes nothing would keep the process. */
const END_MS_MAX = 5000;

/** Aborts at the first Ctrl-C, SIGTERM or end of the terminal, so that an endless command ends in order. A second one ends the process. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  const end = (): void => {
    controller.abort();
    setTimeout(() => process.exit(), END_MS_MAX).unref();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, end);
  return controller.signal;
}
