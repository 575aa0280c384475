import type { Command } from "commander";
import { Option } from "commander";
import type { Load, ServeConfig } from "../../config/load.ts";
import { flagOf, SETTINGS, type Setting } from "../../config/settings.ts";
import { inUnits } from "../../config/values.ts";
import { EXIT, Failure } from "../../terminal/exit.ts";
import { stdout } from "../../terminal/streams.ts";

const GROUPS: Readonly<Record<string, string>> = {
  link: "Other nodes:",
  upstream: "The registry of an agent:",
  ports: "Ports:",
  log: "Logging:",
  tls: "TLS:",
  protection: "Protection:",
  events: "Events:",
  http: "HTTP limits:",
  cors: "Web pages:",
  answers: "Answers:",
  store: "Store:",
  limits: "Limits of every account:",
};

const PLACEHOLDERS: Readonly<Record<Setting["kind"], string>> = {
  text: "<text>",
  path: "<file>",
  whole: "<number>",
  share: "<share>",
  ms: "<duration>",
  bytes: "<size>",
  port: "<port>",
  flag: "[on|off]",
  list: "<names>",
  origins: "<origins>",
  choice: "<word>",
};

/** `rollcall serve`: one flag for every setting. */
export function defineServe(program: Command): void {
  const command = program
    .command("serve")
    .helpGroup("Run a registry:")
    .summary("run the registry")
    .description(
      "Runs the registry until SIGINT or SIGTERM. SIGHUP reads the configuration, certificates and files again.",
    )
    .addOption(
      new Option("--config <file>", "configuration file; rollcall.yaml when it is there").env("ROLLCALL_CONFIG"),
    );
  for (const setting of SETTINGS) command.addOption(toOption(setting));
  command.option("--check", "check the configuration, say what is wrong with it, and end");
  command.action(async (options: { check?: boolean }, self: Command) => {
    const load = await loaderOf(self);
    const config = checked(load());
    const { check, serve } = await import("../../serve.ts");
    if (!options.check) return serve(config, load);
    await check(config);
    const { dialects } = config;
    stdout().write(
      `the configuration is right; it opens ${dialects === "all" ? "all dialects" : dialects.join(", ")}\n`,
    );
  });
}

export function toOption(setting: Setting): Option {
  const fallback = setting.default === undefined || setting.default === "" ? "" : ` [${defaultText(setting)}]`;
  const placeholder = setting.key === "data" ? "<dir>" : PLACEHOLDERS[setting.kind];
  const option = new Option(`--${flagOf(setting)} ${placeholder}`, `${setting.meaning}${fallback}`);
  // For help and completions only: the configuration checks values itself, wherever they come from.
  if (setting.choices !== undefined) option.argChoices = [...setting.choices];
  return option.helpGroup(GROUPS[setting.key.split(".")[0] as string] ?? "Options:");
}

export function defaultText(setting: Setting): string {
  const value = setting.default;
  if (typeof value === "number") return inUnits(setting, value);
  if (typeof value === "boolean") return value ? "on" : "off";
  return value ?? "";
}

/** The options of commands that are about the store, for the settings of where it lies. */
export function storeOptions(): readonly Option[] {
  const isStore = ({ key }: Setting): boolean =>
    key === "replicator" || (key.startsWith("etcd.") && key !== "etcd.historyBytesMax");
  return SETTINGS.filter(isStore).map(toOption);
}

/** Where settings come from beside the command's own flags. */
export interface MoreSources {
  /** Options that are no settings, by their names. */
  readonly others?: ReadonlySet<string>;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Gives the configuration as it is at the time of the call. */
export async function loaderOf(command: Command, more: MoreSources = {}): Promise<Load> {
  const flags: Record<string, unknown> = { ...more.flags };
  // Only what was typed: the environment is read in its own turn, with its own place in messages.
  for (const option of command.options) {
    const name = option.attributeName();
    const isGiven = command.getOptionValueSource(name) === "cli" && name !== "check" && !more.others?.has(name);
    if (isGiven) flags[(option.long as string).slice(2)] = command.getOptionValue(name);
  }
  // The core and the YAML library stay out of the other commands.
  const { loadServeConfig } = await import("../../config/load.ts");
  return () => loadServeConfig({ flags, env: more.env ?? process.env, cwd: process.cwd() });
}

export function checked(loaded: ReturnType<Load>): ServeConfig {
  if (!loaded.ok) {
    const hint = "Every setting: rollcall serve --help";
    throw new Failure(
      EXIT.usage,
      `the configuration is not right\n${loaded.problems.map((one) => `  ${one}`).join("\n")}`,
      hint,
    );
  }
  return loaded.value;
}
