/** SmartStack's halves and Docker's containers, beside the registry's program in one process. */
import { ownAddress } from "@rollcall/client/node";
import type { Logger } from "pino";
import { Agent, describe, type Loaded, loadConfig, type Sources } from "../../../smartstack/agent.ts";
import type { ServeConfig } from "../../config/load.ts";
import { connectUpstream } from "../../config/upstream.ts";
import type { Beside } from "../../serve.ts";
import { EXIT, Failure } from "../../terminal/exit.ts";
import { type BesideOptions, DOCKER } from "./flags.ts";

/** Undefined where nothing is to be done beside; a mistake in a file is a `Failure`. */
export async function loadBeside(options: BesideOptions, config: ServeConfig): Promise<Loading | undefined> {
  const { nerve, synapse, docker } = options;
  if (nerve === undefined && synapse === undefined && docker === undefined) return undefined;
  const sources: Sources = {
    ...{ nerve, synapse, zookeeper: options.zookeeper === true },
    ...(docker === undefined ? {} : { docker: docker === true ? DOCKER : docker }),
    dockerOptions: {
      ...(docker === undefined ? {} : { hostAddress: await ownAddress(config.upstream.urls) }),
      ...(options.dockerNaming === undefined ? {} : { naming: options.dockerNaming }),
      ...(options.dockerPorts === undefined ? {} : { ports: options.dockerPorts }),
    },
  };
  const loaded = await loadConfig(sources);
  if (!loaded.ok) {
    const problems = loaded.problems.map((one) => `  ${one}`).join("\n");
    throw new Failure(EXIT.usage, `what is to be done beside the registry is not right\n${problems}`);
  }
  return { sources, loaded: loaded.value };
}

export interface Loading {
  readonly sources: Sources;
  readonly loaded: Loaded;
}

/** What would be done, and what of it does not carry over. */
export function sayBeside({ loaded: { config, notes } }: Loading): readonly string[] {
  return [...describe(config), ...notes.map((note) => `note: ${note}`)];
}

export function openBeside({ sources, loaded }: Loading, config: ServeConfig): (log: Logger) => Promise<Beside> {
  return async (log) => {
    const { client, renew } = await connectUpstream(config.upstream);
    const say = {
      warn: (details: object, text: string) => log.warn(details, text),
      info: (details: object, text: string) => log.info(details, text),
    };
    for (const note of loaded.notes) log.warn(note);
    const { caFile } = config.checks;
    const clock = { monotonic: () => performance.now() };
    const parts = { client, clock, log: say, ...(caFile === undefined ? {} : { caFile }) };
    const agent = new Agent(parts, loaded.config);
    return {
      follow: ({ registry }) => agent.follow(registry, config.upstream.account),
      async prepare() {
        const next = await loadConfig(sources);
        if (!next.ok) {
          log.error(
            { problems: next.problems },
            "what is to be done beside the registry is not right; the old one stays",
          );
          return undefined;
        }
        return async () => {
          for (const note of next.value.notes) log.warn(note);
          renewBy(renew, log);
          await agent.reload(next.value.config);
        };
      },
      close: () => agent.close(),
    };
  };
}

/** Certificates that cannot be read any more leave those of before. */
function renewBy(renew: () => void, log: Logger): void {
  try {
    renew();
  } catch (error) {
    log.error({ err: error }, "the certificates for the registry stay as they are");
  }
}
