/** Python's clients of etcd as they come from PyPI: etcd3, python-etcd, etcd3-py, etcd3gw, and Patroni's own classes for both versions. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startEtcd } from "../etcd/dialect/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { until } from "../harness/scope.ts";
import { waitForLine } from "./programs-rig.ts";
import { installProject } from "./python-rig.ts";

const python = requirePackage("python3", "python3");
const clients = [
  ["etcd3 and python-etcd", await installProject("etcd-client", python)],
  ["etcd3-py and etcd3gw", await installProject("etcd-others", python)],
] as const;
const patroni = await installProject("patroni", python);

const rollcall = await startEtcd({ after }, { dialects: "etcd" });
const port = rollcall.port("etcd");

for (const [name, project] of clients)
  test(`${name} do here what they do with etcd`, { skip: project.skip, timeout: 60_000 }, async (t) => {
    const program = project.start(t, [String(port)]);
    const { code } = await program.exited;
    assert.deepEqual([code, program.lines.at(-1)], [0, "all went well"], program.lines.join("\n"));
  });

for (const kind of ["etcd3", "etcd"])
  test(`of three Patronis one leads by its class ${kind}, and when it is killed another one does`, {
    skip: patroni.skip,
    timeout: 90_000,
  }, async (t) => {
    const names = ["pg1", "pg2", "pg3"];
    const all = names.map((name) => ({ name, program: patroni.start(t, [String(port), name, kind]) }));
    const leaders = () => all.filter(({ program }) => program.lines.includes("leads"));
    const [first] = await until(() => leaders().length > 0 && leaders(), { what: "a leader" });
    assert.ok(first);
    const others = all.filter((one) => one !== first);
    for (const { program } of others) await waitForLine(program, new RegExp(`^follows ${first.name}$`));
    assert.equal(leaders().length, 1);
    const sinceMs = performance.now();
    await first.program.kill("SIGKILL");
    const second = await until(() => others.find(({ program }) => program.lines.includes("leads")), {
      what: "another leader",
    });
    console.log(`the lead passed on ${Math.round(performance.now() - sinceMs)} ms after its holder was killed`);
    const last = others.find((one) => one !== second);
    if (last !== undefined) await waitForLine(last.program, new RegExp(`^follows ${second.name}$`));
  });
