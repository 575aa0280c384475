/** The flags of what an agent does beside the registry: SmartStack's files, and Docker. */
import { type Command, Option } from "commander";

/** What was typed, by commander's names. */
export interface BesideOptions {
  readonly nerve?: string;
  readonly synapse?: string;
  readonly zookeeper?: boolean;
  readonly docker?: string | true;
  readonly dockerNaming?: "registrator" | "skydock";
  readonly dockerPorts?: "published" | "internal";
}

const GROUP = "SmartStack and Docker:";
export const DOCKER = "unix:///var/run/docker.sock";

/** Their names by commander, as they are no settings. */
export function addBesideOptions(command: Command): ReadonlySet<string> {
  const options = [
    new Option("--nerve <file>", "register what is alive on this machine, as Nerve's file says").env("ROLLCALL_NERVE"),
    new Option("--synapse <file>", "keep HAProxy and files right, as Synapse's file says").env("ROLLCALL_SYNAPSE"),
    new Option("--zookeeper", "ask the ZooKeepers that these files name, not the registry"),
    new Option("--docker [url]", `register the containers of this machine [${DOCKER}]`).env("ROLLCALL_DOCKER"),
    new Option("--docker-naming <word>", "how containers name services [registrator]").choices([
      "registrator",
      "skydock",
    ]),
    new Option("--docker-ports <word>", "ports of this machine, or the containers' own [published]").choices([
      "published",
      "internal",
    ]),
  ];
  for (const option of options) command.addOption(option.helpGroup(GROUP));
  return new Set(options.map((option) => option.attributeName()));
}
