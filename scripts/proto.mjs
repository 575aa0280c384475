/**
 * `node scripts/proto.mjs [place]`: makes types and descriptors of the `.proto` files anew, after one of them changed: beside
 * them, or in a place with the same folders. The compiler and the generator are fetched when this runs; what they make is in
 * the repository, so nothing else needs them.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ROOT } from "./steps.mjs";

const DIALECTS = join(ROOT, "packages/registry/src/dialects");
const FOLDERS = ["etcd/proto", "grpc/proto"];
const [, , PLACE = DIALECTS] = process.argv;
const PACKAGES = ["@bufbuild/buf@1.75.0", "@bufbuild/protoc-gen-es@2.17.0"];
const LINE = 110;

const scratch = mkdtempSync(join(tmpdir(), "rollcall-proto-"));
const buf = (...args) =>
  execFileSync("npx", ["--yes", ...PACKAGES.flatMap((name) => ["-p", name]), "buf", ...args], {
    cwd: scratch,
    stdio: ["ignore", "inherit", "inherit"],
  });

try {
  for (const folder of FOLDERS) compile(join(DIALECTS, folder), join(PLACE, folder));
} finally {
  rmSync(scratch, { recursive: true });
}

function compile(folder, place) {
  const set = join(scratch, "set.binpb");
  const out = join(scratch, basename(dirname(folder)));
  buf("build", folder, "--exclude-source-info", "-o", set);
  const plugins = [{ local: "protoc-gen-es", out, opt: ["target=dts", "import_extension=js"] }];
  buf("generate", folder, "--template", JSON.stringify({ version: "v2", plugins }));
  mkdirSync(join(place, "generated"), { recursive: true });
  for (const file of readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts")))
    writeFileSync(
      join(place, "generated", basename(file).replace("_pb.d.ts", ".ts")),
      toTypes(readFileSync(join(out, file), "utf8")),
    );
  const lines = readFileSync(set)
    .toString("base64")
    .match(new RegExp(`.{1,${LINE}}`, "g"));
  writeFileSync(
    join(place, "descriptors.ts"),
    `/** The \`.proto\` files beside this one, compiled by scripts/proto.mjs: a FileDescriptorSet in base64. */
export const DESCRIPTORS = [
${lines.map((line) => `  "${line}",\n`).join("")}].join("");
`,
  );
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
