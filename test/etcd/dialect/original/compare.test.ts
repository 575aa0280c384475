/** Debian's etcd beside this one, asked the same: what it answers is what is answered here. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { requirePackage } from "../../../harness/packages.ts";
import { startProcess } from "../../../harness/process.ts";
import { request } from "../../../harness/requests.ts";
import { Caller, etcd, startEtcd, startOriginal } from "../rig.ts";
import { DIFFERING, maskCommand, SECOND, THIRD, toScript } from "./commands.ts";
import { COMPACTION, KEYS } from "./kv.ts";
import { REST } from "./rest.ts";
import { converse, type Talk, type Told } from "./talk.ts";
import { TRANSACTED } from "./txn.ts";
import { COMPACTED, WATCHES } from "./watch.ts";
import { maskAnswer, QUESTIONS } from "./web.ts";

const TALKS: readonly Talk[] = [...KEYS, ...TRANSACTED, ...WATCHES, ...REST, COMPACTION, COMPACTED];

const options = { skip: etcd.skip, timeout: 120_000 };
const scope = { after };
/** Of one question over HTTP: a wait that was not asked for. */
const ANSWER_MS_MAX = 20_000;

/** Both are asked at the same time, as each waits for its disk. */
const [theirs, ours] =
  etcd.skip === false
    ? await Promise.all([
        startOriginal(scope),
        process.env.BOTH
          ? startOriginal(scope)
          : startEtcd(scope, { dialects: "etcd" }).then((one) => one.port("etcd")),
      ])
    : [0, 0];

interface Pair {
  readonly name: string;
  readonly differs?: string | undefined;
  readonly theirs: unknown;
  readonly ours: unknown;
}

/** Fails with all that is not answered alike, or is though it should not be. */
function judge(pairs: readonly Pair[]): void {
  const different = pairs.flatMap(({ name, differs, ...both }) => {
    const [one, other] = [both.theirs, both.ours].map((told) => JSON.stringify(told));
    if ((one === other) === (differs === undefined)) return [];
    const what = one === other ? " does not differ any more" : "";
    return [`${name.slice(0, 300)}${what}\n  etcd: ${one?.slice(0, 1500)}\n  ours: ${other?.slice(0, 1500)}`];
  });
  assert.deepEqual(different, [], `${different.length} of ${pairs.length}:\n${different.join("\n")}`);
}

test("each question over gRPC is answered alike by both", options, async () => {
  const at = (port: number): Promise<readonly Told[]> => converse(new Caller(scope, port), TALKS);
  const [told, own] = await Promise.all([at(theirs), at(ours)]);
  judge(
    told.map((one, nth) => ({ name: one.name, differs: one.step.differs, theirs: one.told, ours: own[nth]?.told })),
  );
});

test("each question to the gateway and to the second version is answered alike", options, async () => {
  const at = async (port: number): Promise<readonly unknown[]> => {
    const all: unknown[] = [];
    for (const question of QUESTIONS) {
      const [method = "", path = ""] = question.line.split(" ");
      const isForm = path.startsWith("/v2/");
      const headers = isForm ? { "content-type": "application/x-www-form-urlencoded" } : {};
      const sent = question.body === undefined ? {} : { body: Buffer.from(question.body) };
      const asked = request(`http://127.0.0.1:${port}${path}`, { method, headers, ...sent, timeoutMs: ANSWER_MS_MAX });
      all.push(await asked.then((answer) => maskAnswer(question, answer), String));
    }
    return all;
  };
  const [told, own] = await Promise.all([at(theirs), at(ours)]);
  judge(
    QUESTIONS.map(({ line, body = "", differs }, nth) => ({
      name: `${line} ${body}`,
      differs,
      theirs: told[nth],
      ours: own[nth],
    })),
  );
});

const etcdctl = requirePackage("etcd-client", "etcdctl");

for (const version of [3, 2] as const)
  test(`etcdctl's commands of version ${version} do here what they do there`, {
    skip: etcd.skip || etcdctl.skip,
    timeout: 120_000,
  }, async (t) => {
    const at = async (port: number): Promise<readonly string[]> => {
      const shell = startProcess(t, "sh", ["-c", toScript(etcdctl.path, port, version)]);
      await shell.exited;
      return shell.lines
        .join("\n")
        .split(/(?<==> \d+)\n?/)
        .map(maskCommand);
    };
    const [told, own] = await Promise.all([at(theirs), at(ours)]);
    const lines = version === 2 ? SECOND : THIRD;
    judge(lines.map((name, nth) => ({ name, differs: DIFFERING[name], theirs: told[nth], ours: own[nth] })));
  });
