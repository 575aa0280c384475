/** Synapse's own example (README of github.com/airbnb/synapse), and what is wrong in files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSynapse } from "./read.ts";

const EXAMPLE = `{
  "services": {
    "service1": {
      "discovery": {
        "method": "zookeeper",
        "path": "/nerve/services/service1/services",
        "hosts": ["0.zookeeper.example.com:2181"],
        "label_filters": [{ "label": "az", "value": "a", "condition": "equals" }]
      },
      "default_servers": [{ "name": "default1", "host": "127.0.0.2", "port": 8422 }],
      "haproxy": {
        "port": 3213,
        "server_options": "check inter 2s rise 3 fall 2",
        "listen": ["mode http", "option httpchk /health", "maxconn 5"],
        "shared_frontend": ["acl is_service1 hdr_dom(host) -i service1.lb"]
      }
    },
    "service2": {
      "discovery": { "method": "base" },
      "default_servers": [{ "host": "127.0.0.1", "port": 1 }],
      "outputs": [{ "path": "/run/two.env", "format": "env", "command": "true" }]
    }
  },
  "haproxy": {
    "reload_command": "sudo service haproxy reload",
    "config_file_path": "/etc/haproxy/haproxy.cfg",
    "socket_file_path": "/var/haproxy/stats.sock",
    "do_writes": false,
    "do_reloads": false,
    "do_socket": false,
    "global": ["daemon"],
    "defaults": ["log global"],
    "extra_sections": { "listen stats :3212": ["mode http"] },
    "shared_frontend": ["bind 127.0.0.1:8081"]
  },
  "file_output": { "output_directory": "/var/run/synapse/services" }
}`;

function read(text: string) {
  return readSynapse({ path: "synapse.json", text });
}

test("Synapse's example is read whole", () => {
  const outcome = read(EXAMPLE);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const { watched, haproxy } = outcome.value;
  const [one, two] = watched;
  assert.deepEqual([one?.service, one?.keepsPrevious, one?.defaults[0]?.id], ["service1", true, "default1"]);
  assert.deepEqual(one?.labels, [{ label: "az", value: "a", isEqual: true }]);
  assert.deepEqual(one?.haproxy?.frontend, ["mode http", "maxconn 5"]);
  assert.deepEqual(one?.haproxy?.backend, ["mode http", "option httpchk /health"]);
  assert.deepEqual([one?.haproxy?.port, one?.haproxy?.bindAddress], [3213, "localhost"]);
  assert.deepEqual([two?.service, two?.haproxy?.port, two?.defaults[0]?.id], [null, 0, "127.0.0.1:1"]);
  assert.deepEqual(two?.outputs, [
    { path: "/var/run/synapse/services/service2.json", format: "json" },
    { path: "/run/two.env", format: "env", command: "true" },
  ]);
  assert.deepEqual([haproxy?.socketPath, haproxy?.reloadCommand, haproxy?.writes], [null, null, false]);
  assert.equal(haproxy?.checkCommand, "haproxy -c -f '/etc/haproxy/haproxy.cfg.candidate'");
});

const SERVICE = "services: {a: {discovery: {method: base}}}";
const WRONG: readonly (readonly [name: string, text: string, problem: RegExp])[] = [
  ["no services", "{}", /^synapse\.json:1: services is missing$/],
  [
    "a watcher that is none",
    "services:\n  a:\n    discovery:\n      method: ec2tags\n",
    /^synapse\.json:4: services\.a\.discovery\.method must be one of /,
  ],
  [
    "Ruby in the file",
    "services:\n  a:\n    discovery: {method: rollcall, service: \"<%= ENV['X'] %>\"}\n",
    /^synapse\.json:3: <% … %> is Ruby's/,
  ],
  [
    "several sockets",
    `${SERVICE}\nhaproxy:\n  config_file_path: /x\n  reload_command: r\n  socket_file_path: [/a, /b]\n`,
    /^synapse\.json:5: haproxy\.socket_file_path must be one: /,
  ],
  ["no watcher", "services:\n  a: {}\n", /^synapse\.json:2: services\.a\.discovery is missing$/],
  ["no path", "services: {a: {discovery: {method: zookeeper}}}", /discovery\.path is missing$/],
  [
    "no section of HAProxy",
    "services: {a: {discovery: {method: base}, haproxy: {port: 1}}}",
    /haproxy is there, but the file has no haproxy section/,
  ],
  [
    "no reload command",
    `${SERVICE}\nhaproxy:\n  config_file_path: /x\n`,
    /^synapse\.json:3: haproxy\.reload_command is missing; /,
  ],
  [
    "a wrong key of HAProxy",
    `${SERVICE}\nhaproxy:\n  config_file_path: /x\n  reload_command: r\n  socket: s\n`,
    /^synapse\.json:5: haproxy\.socket is no key/,
  ],
  [
    "one port twice",
    "services:\n  a: {discovery: {method: base}, haproxy: {port: 1}}\n  b: {discovery: {method: base}, haproxy: {port: 1}}\nhaproxy: {config_file_path: /x, reload_command: r}\n",
    /^synapse\.json:3: services\.b has the place localhost:1, as a has$/,
  ],
  [
    "one file twice",
    "services:\n  a: {discovery: {method: base}, outputs: [{path: /x}]}\n  b: {discovery: {method: base}, outputs: [{path: /x}]}\n",
    /^synapse\.json:3: services\.b has the file \/x, as a has$/,
  ],
  ["a name that is none", 'services: {"a b": {discovery: {method: base}}}', /a b is no name for a section/],
  [
    "a template that is none",
    `services: {a: {discovery: {method: base}, outputs: [{path: /x, format: template}]}}`,
    /outputs\[0\]\.template is missing$/,
  ],
];

for (const [name, text, pattern] of WRONG)
  test(`said with file and line: ${name}`, () => {
    const outcome = read(text);
    const problems = outcome.ok ? [] : outcome.problems;
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", pattern);
  });

test("watchers that do not carry over leave the default servers, with a line each", () => {
  const outcome = read(`services:
  a:
    discovery: {method: ec2tag, tag_name: t, aws_region: r, tag_value: v}
    default_servers: [{host: 127.0.0.1, port: 1}]
  b: {discovery: {method: dns, nameserver: 127.0.0.1, servers: [one]}}
  c:
    discovery: {method: zookeeper, path: /c, hosts: ["z:1"], decode: {method: serverset, endpoint_name: admin}}
    discovery_multi: {resolver: {method: fallback}, watchers: {}}
haproxy: {config_file_path: /x, do_reloads: false, socket_file_path: [/s], use_nerve_weights: true}
`);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const { watched, haproxy, notes } = outcome.value;
  assert.deepEqual(
    watched.map(({ service, defaults, portName }) => [service, defaults.length, portName]),
    [
      [null, 1, ""],
      [null, 0, ""],
      ["c", 0, "admin"],
    ],
  );
  // Without a word on HAProxy there is a backend, and no frontend.
  assert.deepEqual([watched[0]?.haproxy?.backendName, watched[0]?.haproxy?.port, haproxy?.socketPath], ["a", 0, "/s"]);
  assert.deepEqual(
    notes.map((note) => note.replace(/ does not carry over.*/, "")),
    [
      "synapse.json:9: haproxy.use_nerve_weights",
      "synapse.json:3: services.a.discovery.method",
      "synapse.json:5: services.b.discovery.method",
      "synapse.json:8: services.c.discovery_multi",
      "synapse.json:7: services.c.discovery.hosts",
    ],
  );
});

test("files of service_conf_dir are services of their own, and none may be there twice", () => {
  const own = { path: "d/b.yaml", text: "discovery: {method: base}\n" };
  const outcome = readSynapse({ path: "s", text: "service_conf_dir: d\n" }, [own]);
  assert.deepEqual(outcome.ok && outcome.value.watched.map(({ name }) => name), ["b"]);
  const twice = readSynapse({ path: "s", text: "services: {b: {discovery: {method: base}}}\nservice_conf_dir: d\n" }, [
    own,
  ]);
  assert.deepEqual(twice.ok ? [] : twice.problems, ["d/b.yaml:1: service b is there already: s:1"]);
});
