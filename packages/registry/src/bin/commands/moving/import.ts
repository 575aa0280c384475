import type { Command } from "commander";
import {
  type Context,
  connect,
  DEFAULT_ACCOUNT,
  type GlobalOptions,
  untilInterrupted,
} from "../../terminal/connection.ts";
import { EXIT, Failure } from "../../terminal/exit.ts";
import { toUrl } from "../../terminal/output.ts";
import type { Consul } from "./consul.ts";
import { Copied } from "./copied.ts";

export function defineImport(program: Command): void {
  const importing = program
    .command("import")
    .summary("copy what another registry holds")
    .description("Copies what another registry holds, while it runs.");
  importing
    .command("consul")
    .summary("copy keys and external services from a Consul")
    .description(
      "Copies the keys of a running Consul, with their flags, and its external services, those on nodes without an agent. What is here already stays as it is. It may be run again.",
    )
    .requiredOption("--from <url>", "where that Consul listens, such as http://10.0.0.1:8500")
    .option("--from-token <token>", "the token to show there")
    .option("--to <url>", "where the dialect consul of this registry listens, unless that is asked at --url")
    .option("--prefix <prefix>", "only keys that begin with this, and no services")
    .option("--overwrite", "replace what is here and differs")
    .option("--dry-run", "only say what would be copied")
    .action(async (flags: ImportFlags, self: Command) => importConsul(flags, self));
}

interface ImportFlags {
  readonly from: string;
  readonly fromToken?: string;
  readonly to?: string;
  readonly prefix?: string;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
}

async function importConsul(flags: ImportFlags, command: Command): Promise<void> {
  const context = await connect(command);
  const { out } = context;
  const [from, to] = await openBoth(flags, command, context);
  const options = { overwrite: flags.overwrite === true, dryRun: flags.dryRun === true };
  const [keys, services] = [new Copied(), new Copied()];
  const [{ copyKeys }, { copyServices }] = await Promise.all([import("./keys.ts"), import("./services.ts")]);
  await copyKeys(from, to, flags.prefix ?? "", options, keys);
  const withAgents = flags.prefix === undefined ? await copyServices(from, to, options, services) : 0;
  if (out.json)
    out.document({
      from: from.url,
      to: to.url,
      dryRun: options.dryRun,
      keys: keys.document(),
      services: services.document(),
      withAgents,
    });
  else {
    for (const line of keys.lines("keys", options.dryRun)) out.line(line);
    if (flags.prefix === undefined)
      for (const line of services.lines("external services", options.dryRun)) out.line(line);
    if (withAgents > 0)
      out.note(`${withAgents} services have agents: they register here themselves, or are mirrored meanwhile`);
  }
  const refused = keys.refused + services.refused;
  if (refused > 0) throw new Failure(EXIT.refused, `${refused} could not be copied`);
}

async function openBoth(flags: ImportFlags, command: Command, context: Context): Promise<readonly [Consul, Consul]> {
  const { account, token, ca, clientCert, clientKey, url } = command.optsWithGlobals<GlobalOptions>();
  if (account !== DEFAULT_ACCOUNT && token === undefined)
    throw new Failure(EXIT.usage, `a copy into the account ${account} takes a token of it`, "Give it with --token.");
  const signal = untilInterrupted();
  const { openFetch } = await import("../../terminal/fetch.ts");
  const target = flags.to === undefined ? await findDoor(context, url) : toBase(flags.to, "--to");
  const source = toBase(flags.from, "--from");
  if (source === target) throw new Failure(EXIT.usage, "--from is this registry itself");
  const fetch = openFetch({ ca, clientCert, clientKey });
  // Loaded only now: it brings the core, which no other command needs.
  const { Consul } = await import("./consul.ts");
  return [
    new Consul({
      url: source,
      name: "the Consul",
      token: flags.fromToken,
      tokenFlag: "--from-token",
      fetch: globalThis.fetch,
      signal,
    }),
    new Consul({ url: target, name: "the dialect consul", token, tokenFlag: "--token", fetch, signal }),
  ];
}

/** Where the dialect listens, at the name by which the registry is reached. */
async function findDoor({ client }: Context, url: string): Promise<string> {
  const { endpoints } = await client.status();
  const door = endpoints.find(({ dialect }) => dialect === "consul");
  if (door === undefined)
    throw new Failure(
      EXIT.usage,
      "the registry does not serve the dialect consul",
      "Start it with --dialects http,consul",
    );
  const first = (url.split(",")[0] as string).trim();
  const { hostname } = new URL(first.includes("://") ? first : `http://${first}`);
  return toBase(toUrl(door.scheme, hostname.replace(/^\[|\]$/g, ""), door.port), "--url");
}

function toBase(text: string, flag: string): string {
  const whole = text.includes("://") ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Failure(EXIT.usage, `${flag} takes a URL, not "${text}"`);
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}
