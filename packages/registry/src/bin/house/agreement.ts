/** Tells the other nodes how this one is configured, and people of what should be the same and is not. */
import type { Logger } from "pino";
import { Agreement, type Difference, TELL_MS } from "../../around/agreement.ts";
import type { Clock, Nodes, Replicator } from "../../core/index.ts";
import type { ServeConfig } from "../config/load.ts";

interface AgreementParts {
  readonly nodes: Nodes;
  readonly port: Pick<Replicator, "order" | "line">;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface OpenAgreement {
  readonly differences: () => readonly Difference[];
  /** What a dialect must have in common with the same one at other nodes. */
  readonly agree: (dialect: string, values: Readonly<Record<string, unknown>>) => void;
  /** Takes a configuration over. */
  configure(config: ServeConfig): void;
  readonly close: () => void;
}

/** `undo` gets its end. */
export function openAgreement(
  config: ServeConfig,
  { nodes, port, clock, log }: AgreementParts,
  undo: (() => void)[],
): OpenAgreement {
  const agreement = new Agreement({
    nodes,
    // Where each node has an order of its own, its name would make all hashes different.
    line: port.order === "local" ? "" : port.line,
    monotonic: () => clock.monotonic(),
    onChange({ node, settings }) {
      if (settings.length === 0) log.info({ node }, `the node ${node} is configured as this one`);
      else
        log.warn(
          { node, settings },
          `the node ${node} is configured otherwise, where all must be the same: ${settings.slice(0, NAMED_MAX).join(", ")}`,
        );
    },
  });
  const configure = (now: ServeConfig): void => agreement.set("settings", toSettings(now));
  configure(config);
  const timer = setInterval(() => agreement.tell(), TELL_MS).unref();
  const close = (): void => {
    clearInterval(timer);
    agreement.close();
  };
  undo.push(close);
  return {
    differences: () => agreement.differences,
    agree: (dialect, values) => agreement.set(dialect, values),
    configure,
    close,
  };
}

const NAMED_MAX = 20;

/** By the names that people know. Ports, files and what each node may hold are its own. */
function toSettings(config: ServeConfig): Record<string, unknown> {
  const { accounts, tokens, limits, layouts, protection, checks, dialectSettings } = config;
  const settings: Record<string, unknown> = { layouts, tokens, "checks.allow": checks.allow };
  for (const [name, account] of Object.entries(accounts)) settings[`accounts.${name}`] = account;
  for (const [name, limit] of Object.entries(limits)) settings[`limits.${name}`] = limit;
  for (const [name, value] of Object.entries(protection)) settings[`protection.${name}`] = value;
  for (const [dialect, values] of Object.entries(dialectSettings))
    for (const [name, value] of Object.entries(values)) settings[`${dialect}.${name}`] = value;
  return settings;
}
