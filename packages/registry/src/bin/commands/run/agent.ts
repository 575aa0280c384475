/** `rollcall agent`: the registry's program, over an account of a registry that runs elsewhere. */
import { type Command, Option } from "commander";
import { flagOf, SETTINGS } from "../../config/settings.ts";
import type { GlobalOptions } from "../../terminal/connection.ts";
import { stdout } from "../../terminal/streams.ts";
import { addBesideOptions, type BesideOptions } from "./flags.ts";
import { checked, loaderOf, toOption } from "./serve.ts";

/** Settings whose flags are the options of every command, by these. */
const GLOBALS: Readonly<Record<string, keyof GlobalOptions>> = {
  "upstream.urls": "url",
  "upstream.account": "account",
  "upstream.token": "token",
  "upstream.ca": "ca",
  "upstream.cert": "clientCert",
  "upstream.key": "clientKey",
};

/** Neither an agent's to choose, nor of any meaning to it. */
const OTHERS = /^(?:replicator$|hera$|etcd\.|gossip\.|link\.|checks\.|protection\.)/;

export function defineAgent(program: Command): void {
  const command = program
    .command("agent")
    .helpGroup("Run a registry:")
    .summary("show a registry beside the application")
    .description(
      "Shows an account of the registry at --url on this machine, by every dialect, until SIGINT or SIGTERM: changes are sent on to it, and what is known of it is kept in --data and shown when it is out of reach. SIGHUP reads the configuration, certificates and files again.",
    )
    .addOption(
      new Option("--config <file>", "configuration file; rollcall.yaml when it is there").env("ROLLCALL_CONFIG"),
    );
  for (const setting of SETTINGS)
    if (!(setting.key in GLOBALS) && !OTHERS.test(setting.key)) command.addOption(toOption(setting));
  const others = addBesideOptions(command);
  command.option("--check", "check the configuration, say what would be done, and end");
  command.action(async (options: BesideOptions & { check?: boolean }, self: Command) => {
    const load = await loaderOf(self, { flags: flagsOf(self), env: variablesOf(), others });
    const config = checked(load());
    const { check, serve } = await import("../../serve.ts");
    const { loadBeside, openBeside, sayBeside } = await import("./beside.ts");
    const beside = await loadBeside(options, config);
    if (!options.check) return serve(config, load, beside && openBeside(beside, config));
    await check(config);
    const { upstream, dialects, data } = config;
    const opened = dialects === "all" ? "all dialects" : dialects.join(", ");
    stdout().write(
      `the configuration is right; it follows the account ${upstream.account} of ${upstream.urls.join(", ")}, keeps what it knows in ${data}, and opens ${opened}\n`,
    );
    if (beside !== undefined) stdout().write(`${sayBeside(beside).join("\n")}\n`);
  });
}

/** What was typed of the options of every command, as flags of settings. */
function flagsOf(command: Command): Record<string, unknown> {
  const flags: Record<string, unknown> = { replicator: "upstream" };
  for (const setting of SETTINGS) {
    const name = GLOBALS[setting.key];
    if (name !== undefined && command.getOptionValueSourceWithGlobals(name) === "cli")
      flags[flagOf(setting)] = command.optsWithGlobals<GlobalOptions>()[name];
  }
  return flags;
}

/** The variables of every command stand for those of the settings, where these are not there. */
function variablesOf(): Record<string, string | undefined> {
  const { ROLLCALL_URL, ROLLCALL_ACCOUNT, ROLLCALL_TOKEN, ROLLCALL_CA, ROLLCALL_CLIENT_CERT, ROLLCALL_CLIENT_KEY } =
    process.env;
  const stand = {
    ROLLCALL_UPSTREAM: ROLLCALL_URL,
    ROLLCALL_UPSTREAM_ACCOUNT: ROLLCALL_ACCOUNT,
    ROLLCALL_UPSTREAM_TOKEN: ROLLCALL_TOKEN,
    ROLLCALL_UPSTREAM_CA: ROLLCALL_CA,
    ROLLCALL_UPSTREAM_CERT: ROLLCALL_CLIENT_CERT,
    ROLLCALL_UPSTREAM_KEY: ROLLCALL_CLIENT_KEY,
  };
  return { ...stand, ...process.env };
}
