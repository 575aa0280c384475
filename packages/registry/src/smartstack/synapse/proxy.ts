/** What Synapse's configuration says of HAProxy: at its top, and of each service. Pure. */
import type { HaproxyConfig, ProxiedService } from "../config.ts";
import type { Section } from "../tree.ts";

/** Where frontends listen unless it is said. */
const BIND = "localhost";
const INTERVAL_S = 2;
const JITTER = 0.25;

export function readHaproxy(section: Section): HaproxyConfig {
  const configPath = section.needed("config_file_path");
  const candidatePath = section.text("candidate_config_file_path", `${configPath}.candidate`);
  const given = {
    configPath,
    candidatePath,
    checkCommand: section.text("check_command", `haproxy -c -f ${quote(candidatePath)}`),
    writes: section.flag("do_writes", true),
    reloadMs: 1000 * section.number("restart_interval", INTERVAL_S, 0, 3600),
    jitter: section.number("restart_jitter", JITTER, 0, 100),
    global: section.texts("global"),
    defaults: section.texts("defaults"),
    sections: section.lists("extra_sections"),
    shared: section.texts("shared_frontend"),
    bindAddress: section.text("bind_address", BIND),
    orderSeed: section.text("server_order_seed"),
  };
  const socketPath = readSocket(section);
  const reloadCommand = section.text("reload_command");
  const reloads = section.flag("do_reloads", true);
  if (reloads && reloadCommand === "")
    section.refuse("reload_command", "is missing; do_reloads: false says that nobody reloads");
  section.drop("use_nerve_weights", "weights always count");
  section.drop("do_checks", "a configuration is always checked before it is used");
  for (const key of ["state_file_path", "state_file_ttl", "max_server_id"])
    section.drop(key, "free slots take servers that come back, and the file that is written remembers them");
  section.end();
  return { ...given, socketPath, reloadCommand: reloads && reloadCommand !== "" ? reloadCommand : null };
}

function readSocket(section: Section): string | null {
  const usesSocket = section.flag("do_socket", true);
  // HAProxy has been one process since 2.5: of sockets of several there is one.
  const [path = "", ...others] = section.oneOrMore("socket_file_path");
  if (others.length > 0) section.refuse("socket_file_path", "must be one: HAProxy's `nbproc` is gone");
  if (usesSocket && path === "")
    section.note("socket_file_path", "is missing: without HAProxy's socket each change is a reload");
  return usesSocket && path !== "" ? path : null;
}

export function readProxied(name: string, section: Section, { bindAddress }: HaproxyConfig): ProxiedService | null {
  const listen = section.texts("listen");
  const given = {
    port: section.port("port", 0),
    bindAddress: section.text("bind_address", bindAddress),
    bindOptions: section.text("bind_options"),
    serverOptions: section.text("server_options"),
    frontend: [...listen.filter((line) => !isOf(BACKEND_ONLY, line)), ...section.texts("frontend")],
    backend: [...listen.filter((line) => !isOf(FRONTEND_ONLY, line)), ...section.texts("backend")],
    backendName: section.text("backend_name", name),
    shared: section.texts("shared_frontend"),
  };
  if (!/^[A-Za-z0-9_.:-]+$/.test(given.backendName))
    section.refuse("backend_name", "may have letters, digits and _.:- only");
  const isDisabled = section.flag("disabled", false);
  section.drop("use_nerve_weights", "weights always count");
  section.drop("server_port_override", "say backend_port_override beside discovery");
  section.drop("cookie_value_method", "a cookie names a slot, whose server may change");
  section.drop("backend_order", "servers stay in the slots in which they are");
  section.end();
  return isDisabled ? null : given;
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

function isOf(words: readonly string[], line: string): boolean {
  const plain = line.trim().replace(/^no /, "").replace(/\s+/g, " ");
  return words.some((word) => plain === word || plain.startsWith(`${word} `));
}

/** What may stand in one kind of section only (HAProxy's manual, 4.1); all else of `listen` goes into both. */
const FRONTEND_ONLY = [
  ...["bind", "backlog", "capture", "default_backend", "maxconn", "monitor fail", "monitor-net", "monitor-uri"],
  ...["rate-limit sessions", "use_backend", "unique-id-format", "unique-id-header", "timeout client"],
  ...["option accept-invalid-http-request", "option clitcpka", "option contstats", "option dontlog-normal"],
  ...["option dontlognull", "option http-ignore-probes", "option http-use-proxy-header", "option httplog"],
  ...[
    "option log-separate-errors",
    "option logasap",
    "option socket-stats",
    "option tcp-smart-accept",
    "option tcplog",
  ],
  ...["tcp-request connection", "tcp-request session"],
];
const BACKEND_ONLY = [
  ...["balance", "cookie", "default-server", "dispatch", "email-alert", "fullconn", "hash-type", "http-check"],
  ...["http-reuse", "http-send-name-header", "option abortonclose", "option accept-invalid-http-response"],
  ...["option allbackups", "option checkcache", "option external-check", "option httpchk", "option ldap-check"],
  ...["option log-health-checks", "option mysql-check", "option persist", "option pgsql-check", "option redis-check"],
  ...["option prefer-last-server", "option redispatch", "option smtpchk", "option spop-check", "option srvtcpka"],
  ...["option ssl-hello-chk", "option tcp-check", "option tcp-smart-connect", "option transparent", "persist"],
  ...[
    "retries",
    "retry-on",
    "server",
    "server-template",
    "source",
    "stick",
    "stick-table",
    "tcp-check",
    "tcp-response",
  ],
  ...["timeout check", "timeout connect", "timeout queue", "timeout server", "timeout tunnel", "use-server"],
];
