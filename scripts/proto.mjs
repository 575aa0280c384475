/**
 * `node scripts/proto.mjs`: makes types and descriptors of the `.proto` files anew, after one of them changed. The compiler
 * and the generator are fetched when this runs; what they make is in the repository, so nothing else needs them.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./steps.mjs";

const FOLDER = join(ROOT, "packages/registry/src/dialects/etcd/proto");
const PACKAGES = ["@bufbuild/buf@1.75.0", "@bufbuild/protoc-gen-es@2.17.0"];
const LINE = 110;

const scratch = mkdtempSync(join(tmpdir(), "rollcall-proto-"));
const buf = (...args) =>
  execFileSync("npx", ["--yes", ...PACKAGES.flatMap((name) => ["-p", name]), "buf", ...args], {
    cwd: scratch,
    stdio: ["ignore", "inherit", "inherit"],
  });

try {
  const set = join(scratch, "set.binpb");
  buf("build", FOLDER, "--exclude-source-info", "-o", set);
  const plugins = [{ local: "protoc-gen-es", out: join(scratch, "out"), opt: ["target=dts", "import_extension=js"] }];
  buf("generate", FOLDER, "--template", JSON.stringify({ version: "v2", plugins }));
  for (const file of readdirSync(join(scratch, "out"))) {
    const text = readFileSync(join(scratch, "out", file), "utf8");
    writeFileSync(join(FOLDER, "generated", file.replace("_pb.d.ts", ".ts")), toTypes(text));
  }
  const lines = readFileSync(set)
    .toString("base64")
    .match(new RegExp(`.{1,${LINE}}`, "g"));
  writeFileSync(
    join(FOLDER, "descriptors.ts"),
    `/** The \`.proto\` files beside this one, compiled by scripts/proto.mjs: a FileDescriptorSet in base64. */
export const DESCRIPTORS = [
${lines.map((line) => `  "${line}",\n`).join("")}].join("");
`,
  );
} finally {
  rmSync(scratch, { recursive: true });
}

/** As our sources have it: imports end in .ts, and an enum is the numbers that it may be. */
function toTypes(text) {
  return text
    .replaceAll(/"\.\/(\w+)_pb\.js"/g, '"./$1.ts"')
    .replaceAll(/^export (?:declare )?enum (\w+) \{([^}]*)\}/gm, (_, name, body) => {
      const numbers = [...body.matchAll(/^ {2}\w+ = (\d+),$/gm)].map(([, number]) => number);
      return `export declare type ${name} = ${numbers.join(" | ")};`;
    });
}
