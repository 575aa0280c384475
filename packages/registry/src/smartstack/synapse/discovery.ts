/** Where Synapse's services are found: its watchers, as services of the registry. Pure. */
import { isLegalName } from "../../core/index.ts";
import type { Backend, Label, ReadOptions, WatchedService, ZooKeeperPlace } from "../config.ts";
import { serviceOfPath, tidyPath } from "../names.ts";
import { readHosts, type Section } from "../tree.ts";

type Found = Omit<WatchedService, "name" | "haproxy" | "outputs">;

const METHODS = ["zookeeper", "zookeeper_poll", "rollcall", "base", "stub"] as const;
/** Watchers that ask something else than the registry. */
const FOREIGN: Readonly<Record<string, string>> = {
  zookeeper_dns: "the agent does not resolve names behind nodes",
  zookeeper_dns_poll: "the agent does not resolve names behind nodes",
  dns: "the agent does not ask for names: list them as default_servers, or use HAProxy's own resolvers",
  docker: "containers are instances of the registry by --docker: follow them by method rollcall",
  ec2tag: "the agent does not ask AWS",
  marathon: "the agent does not ask Marathon",
  multi: "a service has one watcher here",
};

export function readDiscovery(name: string, section: Section, reading: ReadOptions): Found {
  const discovery = section.section("discovery");
  if (discovery === undefined) section.refuse("discovery", "is missing");
  const defaults = section.sections("default_servers").map(readServer);
  const found = {
    defaults,
    keepsDefaults: section.flag("keep_default_servers", false),
    keepsPrevious: section.flag("use_previous_backends", true),
    portOverride: section.port("backend_port_override", 0),
    leads: section.flag("leader_election", false),
  };
  section.drop("generator_config_path", "what a proxy is told stands in this file");
  section.drop("discovery_multi", "a service has one watcher here");
  const none = { ...found, service: null, labels: [], portName: "" };
  if (discovery === undefined) return none;
  const foreign = FOREIGN[discovery.text("method")];
  if (foreign !== undefined) {
    discovery.leave("method", `only the default_servers are left; ${foreign}`);
    return none;
  }
  const service = readMethod(name, discovery);
  const one = discovery.section("label_filter");
  const labels = [...(one === undefined ? [] : [one]), ...discovery.sections("label_filters")].map(readLabel);
  const zookeeper = reading.zookeeper ? readPlace(discovery) : undefined;
  if (zookeeper === undefined) discovery.drop("hosts", "the agent follows the registry of --url over one connection");
  for (const key of ["retry_policy", "discovery_jitter", "check_interval", "polling_interval_sec"])
    discovery.drop(key, "watches tell, over one connection");
  const decode = discovery.section("decode");
  // Nodes of Nerve and of serversets are told apart by what they say.
  decode?.word("method", ["nerve", "serverset"]);
  const portName = decode?.text("endpoint_name") ?? "";
  decode?.end();
  discovery.drop("generator_config_path", "what a proxy is told stands in this file");
  // Newer files have these here, older ones beside it.
  const leads = found.leads || discovery.flag("leader_election", false);
  discovery.end();
  return { ...found, leads, service, labels, portName, ...(zookeeper === undefined ? {} : { zookeeper }) };
}

/** Of the ZooKeeper that is watched itself; undefined for another watcher. */
function readPlace(discovery: Section): ZooKeeperPlace | undefined {
  if (!/^zookeeper(?:_poll)?$/.test(discovery.text("method"))) return undefined;
  return { hosts: readHosts(discovery, "hosts"), path: tidyPath(discovery.text("path")), encodes: false };
}

function readMethod(name: string, discovery: Section): string | null {
  const known = discovery.word("method", METHODS);
  const path = discovery.text("path");
  const own = discovery.text("service");
  if (known === undefined || known === "base" || known === "stub") return null;
  if (known === "rollcall") {
    const service = own === "" ? name : own;
    if (!isLegalName(service)) discovery.refuse("service", "is no legal name");
    return service;
  }
  const service = serviceOfPath(path);
  if (service === undefined)
    discovery.refuse("path", path === "" ? "is missing" : "ends with no folder that is a legal name of a service");
  return service ?? null;
}

function readServer(section: Section): Backend {
  const address = section.needed("host");
  const port = section.port("port", 0);
  if (port === 0) section.refuse("port", section.has("port") ? "must not be 0" : "is missing");
  const server = {
    ...{ id: section.text("name", `${address}:${port}`), address, port },
    weight: section.number("weight", 1, 0, 65_535),
    options: section.text("haproxy_server_options"),
    meta: section.map("labels"),
  };
  section.drop("id", "servers are numbered by their place");
  section.end();
  return { ...server, isDraining: false, tags: [], zone: "" };
}

function readLabel(section: Section): Label {
  const condition = section.word("condition", ["equals", "not-equals"]) ?? "equals";
  const label = { label: section.needed("label"), value: section.needed("value"), isEqual: condition === "equals" };
  section.end();
  return label;
}
