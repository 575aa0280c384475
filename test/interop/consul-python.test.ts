/** Python's clients of Consul as they come from PyPI: py-consul 1.8.0, python-consul 1.1.0, and Patroni 4.1.5's own class. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startConsul } from "../consul/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { until } from "../harness/scope.ts";
import { waitForLine } from "./programs-rig.ts";
import { installProject } from "./python-rig.ts";

const python = requirePackage("python3", "python3");
const clients = [
  ["py-consul", await installProject("consul-client", python)],
  ["python-consul", await installProject("python-consul", python)],
] as const;
const patroni = await installProject("patroni", python);

// Patroni asks for shorter sessions, is refused, and takes these.
const consul = await startConsul({ after }, { settings: { sessionTtlMin: "2s" } });

for (const [name, project] of clients)
  test(`${name} does here what it does with Consul`, { skip: project.skip, timeout: 60_000 }, async (t) => {
    const program = project.start(t, [String(consul.port)]);
    const { code } = await program.exited;
    assert.deepEqual([code, program.lines.at(-1)], [0, "all went well"], program.lines.join("\n"));
  });

test("of three Patronis one leads, and when it is killed another one does", {
  skip: patroni.skip,
  timeout: 90_000,
}, async (t) => {
  const names = ["pg1", "pg2", "pg3"];
  const all = names.map((name) => ({ name, program: patroni.start(t, [String(consul.port), name]) }));
  const leaders = () => all.filter(({ program }) => program.lines.includes("leads"));
  const [first] = await until(() => leaders().length > 0 && leaders(), { what: "a leader" });
  assert.ok(first);
  const others = all.filter((one) => one !== first);
  for (const { program } of others) await waitForLine(program, new RegExp(`^follows ${first.name}$`));
  assert.equal(leaders().length, 1);
  const { Value: value, Session: session } = (await consul.get("/kv/service/race/leader")).json()[0];
  assert.deepEqual([Buffer.from(value, "base64").toString(), typeof session], [first.name, "string"]);
  const sinceMs = performance.now();
  await first.program.kill("SIGKILL");
  const [second] = await until(
    () => others.filter(({ program }) => program.lines.includes("leads")).at(0) && leaders(),
    {
      what: "another leader",
    },
  ).then((found) => found.filter((one) => one !== first));
  console.log(`the lead passed on ${Math.round(performance.now() - sinceMs)} ms after its holder was killed`);
  assert.equal(leaders().length, 2);
  const last = others.find((one) => one !== second);
  if (last !== undefined && second !== undefined)
    await waitForLine(last.program, new RegExp(`^follows ${second.name}$`));
});
