/**
 * Synapse's configuration (github.com/airbnb/synapse, README) as services that this machine calls. Beside Synapse's keys a
 * service may have `outputs`: files of any format, with a command each. Pure.
 */
import { type Outcome, ok } from "../../core/index.ts";
import {
  type HaproxyConfig,
  type Output,
  type Problems,
  type ReadOptions,
  USUAL,
  type WatchedService,
} from "../config.ts";
import { Findings, openFile, type Section, type SourceFile, servicesOf } from "../tree.ts";
import { readDiscovery } from "./discovery.ts";
import { readHaproxy, readProxied } from "./proxy.ts";

export interface SynapseRead {
  readonly watched: readonly WatchedService[];
  readonly haproxy: HaproxyConfig | null;
  readonly notes: readonly string[];
}

const FORMATS = ["json", "yaml", "env", "prometheus", "nginx", "template"] as const;

/** `more`: the files of `service_conf_dir`, one for each service, named by it. */
export function readSynapse(
  file: SourceFile,
  more: readonly SourceFile[] = [],
  reading: ReadOptions = USUAL,
): Outcome<SynapseRead, Problems> {
  const findings = new Findings();
  for (const one of [file, ...more]) refuseTemplate(one, findings);
  const top = openFile(file, findings);
  if (top === undefined) return { ok: false, problems: findings.problems };
  const haproxySection = top.section("haproxy");
  const haproxy = haproxySection === undefined ? null : readHaproxy(haproxySection);
  const folder = readFolder(top);
  if (!top.has("services") && !top.has("service_conf_dir")) top.refuse("services", "is missing");
  const services = servicesOf(top, more, findings);
  const watched = services.map(([name, section]) => readService(name, section, { haproxy, folder, reading }));
  top.drop("statsd", "there are no metrics by statsd");
  top.drop("nginx", "give the service an output of format nginx");
  top.end();
  refuseTwice(watched, new Map(services));
  if (findings.problems.length > 0) return { ok: false, problems: findings.problems };
  return ok({ watched, haproxy, notes: findings.notes });
}

/** Synapse runs its files through ERB first; what Ruby would write there, nobody knows here. */
function refuseTemplate({ path, text }: SourceFile, { problems }: Findings): void {
  for (const [at, line] of text.split("\n").entries())
    if (line.includes("<%"))
      problems.push(`${path}:${at + 1}: <% … %> is Ruby's, which is not run here: write what it stands for`);
}

function readFolder(top: Section): string | undefined {
  const files = top.section("file_output");
  const folder = files?.needed("output_directory");
  files?.end();
  if (files !== undefined) top.note("file_output", "files that the agent did not write are left where they are");
  return folder === "" ? undefined : folder;
}

/** Two frontends cannot listen at one place, two sections not have one name, and a file is of one service. */
function refuseTwice(watched: readonly WatchedService[], sections: ReadonlyMap<string, Section>): void {
  const seen = new Map<string, string>();
  for (const { name, haproxy, outputs } of watched) {
    const { backendName, bindAddress, port } = haproxy ?? { backendName: "", bindAddress: "", port: 0 };
    const places = [
      ...(backendName === "" ? [] : [`the section ${backendName}`]),
      ...(port === 0 ? [] : [`the place ${bindAddress}:${port}`]),
      ...outputs.map(({ path }) => `the file ${path}`),
    ];
    for (const place of places) {
      const before = seen.get(place);
      if (before !== undefined) sections.get(name)?.refuse("", `has ${place}, as ${before} has`);
      seen.set(place, name);
    }
  }
}

/** What is said of all services. */
interface About {
  readonly haproxy: HaproxyConfig | null;
  /** Of `file_output`. */
  readonly folder: string | undefined;
  readonly reading: ReadOptions;
}

function readService(name: string, section: Section, { haproxy, folder, reading }: About): WatchedService {
  if (!/^[A-Za-z0-9_.:-]+$/.test(name))
    section.refuse("", `${name} is no name for a section: letters, digits and _.:- only`);
  const found = readDiscovery(name, section, reading);
  if (section.has("haproxy") && haproxy === null)
    section.refuse("haproxy", "is there, but the file has no haproxy section at its top");
  // One that says nothing has a backend for others' frontends, as Synapse has it.
  const own = section.sectionOf("haproxy");
  const proxied = haproxy === null ? null : readProxied(name, own, haproxy);
  const outputs = section.sections("outputs").map(readOutput);
  section.drop("nginx", "give the service an output of format nginx");
  section.drop("file_output", "the one at the top is for all services");
  section.end();
  const files: readonly Output[] = folder === undefined ? [] : [{ path: `${folder}/${name}.json`, format: "json" }];
  return { name, ...found, haproxy: proxied, outputs: [...files, ...outputs] };
}

function readOutput(section: Section): Output {
  const path = section.needed("path");
  const format = section.word("format", FORMATS) ?? "json";
  const command = section.text("command");
  const template = section.text("template");
  if (format === "template" && template === "") section.refuse("template", "is missing");
  section.end();
  return { path, format, ...(command === "" ? {} : { command }), ...(template === "" ? {} : { template }) };
}
