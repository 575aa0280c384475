/** Settings of a registry that runs on several nodes; checked where they join the others, in settings.ts. */

const MIB = 1024 * 1024;

/** Where the registry lies when it is in an etcd. */
export const ETCD = [
  {
    key: "etcd.endpoints",
    flag: "etcd",
    kind: "text",
    default: "",
    meaning: "Addresses of the etcd that holds the registry, with commas between them: `http://10.0.0.1:2379`.",
  },
  {
    key: "etcd.user",
    kind: "text",
    default: "",
    meaning:
      "Name and password there, with a colon between them. Better in the file or the environment than as a flag.",
  },
  {
    key: "etcd.prefix",
    kind: "text",
    default: "/rollcall/",
    meaning: "What all keys in etcd begin with. Registries with different ones share an etcd.",
  },
  {
    key: "etcd.ca",
    kind: "path",
    default: undefined,
    meaning: "Authorities that the certificates of etcd are checked against (PEM); those of the system when left out.",
  },
  { key: "etcd.cert", kind: "path", default: undefined, meaning: "Certificate to be shown to etcd (PEM)." },
  { key: "etcd.key", kind: "path", default: undefined, meaning: "Private key of that certificate (PEM)." },
  {
    key: "etcd.historyBytesMax",
    kind: "bytes",
    default: 256 * MIB,
    min: MIB,
    meaning: "In place of `events.bytesMax`: the most that history may take in etcd. Its quota is 2 GiB unless raised.",
  },
] as const;

/** Nodes that copy each other. */
export const GOSSIP = [
  {
    key: "gossip.peers",
    flag: "peers",
    kind: "text",
    default: "",
    meaning:
      "With `gossip`: other nodes, as `host:port` with commas between them. One is enough: it knows the rest. A name in DNS stands for all its addresses.",
  },
  {
    key: "gossip.tombstoneMs",
    kind: "ms",
    default: 24 * 3600 * 1000,
    min: 60_000,
    meaning: "How long it is remembered that something was deleted. Longer than a node is usually away.",
  },
] as const;

/** How nodes speak to each other. */
export const LINK = [
  {
    key: "link.port",
    kind: "port",
    default: 7072,
    meaning: "With `etcd` and `gossip`: port on which the other nodes reach this one. 0 picks a free one.",
  },
  {
    key: "link.key",
    kind: "text",
    default: "",
    meaning:
      "The key that all nodes share, of 32 characters or more, or a file with it: the first line is spoken with, the others are understood. Needed beyond loopback.",
  },
  {
    key: "link.host",
    kind: "text",
    default: "",
    meaning: "Address to listen on for the other nodes; `host` when empty.",
  },
  {
    key: "link.address",
    kind: "text",
    default: "",
    meaning:
      "Where the other nodes reach this one, with or without a port: `10.0.0.1` or `n1.example.com:7072`. When empty, the address it listens on, or the machine's first one.",
  },
] as const;

/** The registry that an agent follows. */
export const UPSTREAM = [
  {
    key: "upstream.urls",
    flag: "upstream",
    kind: "text",
    default: "",
    meaning:
      "With `upstream`: addresses of the registry that is followed, with commas between them; `--url` of `rollcall agent`.",
  },
  {
    key: "upstream.account",
    kind: "text",
    default: "default",
    meaning: "The account there; the agent shows it under the same name. `--account` of `rollcall agent`.",
  },
  {
    key: "upstream.token",
    kind: "text",
    default: "",
    meaning:
      "The token to show there. A reader's shows the account, a writer's takes changes too; what dialects keep for themselves, and changes that they work out where they are decided, take one that is good for all accounts, of the role admin.",
  },
  {
    key: "upstream.ca",
    kind: "path",
    default: undefined,
    meaning: "Authorities that the registry's certificate is checked against (PEM); those of the system when left out.",
  },
  { key: "upstream.cert", kind: "path", default: undefined, meaning: "Certificate to be shown there (PEM)." },
  { key: "upstream.key", kind: "path", default: undefined, meaning: "Private key of that certificate (PEM)." },
  {
    key: "upstream.holdMs",
    kind: "ms",
    default: 600_000,
    min: 0,
    meaning: "How long an agent goes on showing what the registry has forgotten, or lost with much else.",
  },
] as const;
