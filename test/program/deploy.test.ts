/** The unit and the image are sound as far as that can be told without an engine that runs them. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";

const unit = readFileSync(join(ROOT, "deploy/rollcall.service"), "utf8");
const image = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");
const systemd = requirePackage("systemd", "systemd-analyze");

test("systemd accepts the unit, and notices a broken one", { skip: systemd.skip }, (t) => {
  const folder = temporaryDirectory(t);
  const verify = (text: string) => {
    const path = join(folder, "rollcall.service");
    writeFileSync(path, text);
    const { status, stdout, stderr } = spawnSync(systemd.path, ["verify", path], { encoding: "utf8" });
    return { status, output: stdout + stderr };
  };
  assert.deepEqual(verify(unit), { status: 0, output: "" });
  assert.match(verify(unit.replace("StateDirectory=", "StateDirektory=")).output, /StateDirektory/);
});

test("systemd accepts the unit with what its page adds to it", { skip: systemd.skip }, (t) => {
  const page = readFileSync(join(ROOT, "deploy/README.md"), "utf8");
  const additions = [...page.matchAll(/^```ini\n(.*?)^```/gms)].map((match) => match[1] ?? "");
  assert.equal(additions.length, 2);
  for (const addition of additions) {
    const path = join(temporaryDirectory(t), "rollcall.service");
    writeFileSync(path, unit.replace("[Install]", `${addition}\n[Install]`));
    const { status, stdout, stderr } = spawnSync(systemd.path, ["verify", path], { encoding: "utf8" });
    assert.deepEqual({ status, output: stdout + stderr }, { status: 0, output: "" });
  }
});

test("the unit lets the program ask for the machine's addresses", () => {
  assert.match(unit, /^RestrictAddressFamilies=.*\bAF_NETLINK\b/m);
});

test("the unit starts the built program with its data in the state directory", () => {
  assert.match(
    unit,
    /^ExecStart=.* \/opt\/rollcall\/packages\/registry\/dist\/bin\/rollcall\.js serve --data \/var\/lib\/rollcall\/data /m,
  );
  assert.match(unit, /^StateDirectory=rollcall$/m);
  assert.match(unit, /^DynamicUser=yes$/m);
});

test("the image copies only what .dockerignore lets through, and runs without privileges", (t) => {
  const folder = temporaryDirectory(t);
  execFileSync("git", ["init", "-q", folder]);
  // The same pattern language, as far as it is used here: git says what is ignored.
  cpSync(join(ROOT, ".dockerignore"), join(folder, ".gitignore"));
  const sources = [...image.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => (match[1] ?? "").split(" "));
  assert.ok(sources.length > 5);
  for (const source of sources) {
    assert.ok(existsSync(join(ROOT, source)), `${source} is not in the repository`);
    const top = source.split("/")[0] ?? source;
    const { status } = spawnSync("git", ["check-ignore", "-q", "--no-index", top], { cwd: folder });
    assert.equal(status, 1, `.dockerignore hides ${source}`);
  }
  assert.match(image, /^USER node$/m);
  assert.match(image, /^VOLUME \/data$/m);
  assert.match(image, /^HEALTHCHECK /m);
});
