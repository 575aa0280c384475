/** The programs of docs/grpc.md, built as the page says: its code, its commands for the stubs, and our `.proto`. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { PROTO_FOLDER } from "../grpc/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { cleanEnvironment, type Program } from "../harness/process.ts";
import { ROOT } from "../harness/root.ts";
import { commandsOf } from "../harness/shell.ts";
import type { PeerScope } from "../peers-rig.ts";
import { buildModule } from "./go-rig.ts";
import { buildProject } from "./maven-rig.ts";
import { installProject } from "./python-rig.ts";

export const PAGE = "docs/grpc.md";

const PLACE = join(ROOT, ".cache/grpc-page");
const PROTO_FILES = "rollcall";

export interface PageProgram {
  /** Pass it to the test; it carries the reason. */
  readonly skip: false | string;
  start(scope: PeerScope, env: Readonly<Record<string, string>>): Program;
}

/** A folder with the page's only program of a language, our `.proto` files, and what `test/interop` has beside it. */
function lay(language: "go" | "java" | "python", heading: string, main: string): string {
  const place = join(PLACE, language);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(dirname(join(place, main)), { recursive: true });
  cpSync(join(ROOT, "test/interop", language, "grpc-client"), place, { recursive: true });
  cpSync(join(PROTO_FOLDER, PROTO_FILES), join(place, "proto", PROTO_FILES), { recursive: true });
  const [code, ...more] = commandsOf(PAGE, heading, language);
  if (code === undefined || more.length > 0) throw new Error(`${PAGE} has not one program below ${heading}`);
  writeFileSync(join(place, main), code);
  return place;
}

/** Runs the page's commands that make the stubs, with these folders first in the path. */
function makeStubs(heading: string, place: string, path: readonly string[]): void {
  const env = cleanEnvironment({ PATH: [...path, process.env.PATH ?? ""].join(delimiter) });
  execFileSync("bash", ["-ec", commandsOf(PAGE, heading).join("\n")], { cwd: place, env, stdio: "pipe" });
}

const go = requirePackage("golang-go", "go");

/** `grpcurl`, of the same module as the page's program. */
export function buildGrpcurl() {
  return buildModule("grpc-client", go, { part: "github.com/fullstorydev/grpcurl/cmd/grpcurl" });
}

export async function buildGo(): Promise<PageProgram> {
  const protoc = requirePackage("protobuf-compiler", "protoc");
  if (protoc.skip !== false) return { skip: protoc.skip, start: refuse };
  const place = lay("go", "Go", "main.go");
  mkdirSync(join(place, "_bin"));
  for (const part of [
    "google.golang.org/protobuf/cmd/protoc-gen-go",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
  ]) {
    const { skip, path } = await buildModule("grpc-client", go, { part });
    if (skip !== false) return { skip, start: refuse };
    symlinkSync(path, join(place, "_bin", part.slice(part.lastIndexOf("/") + 1)));
  }
  makeStubs("Go", place, [join(place, "_bin")]);
  rmSync(join(place, "_bin"), { recursive: true });
  const { skip, start } = await buildModule("grpc-page", go, { folder: place });
  return { skip, start: (scope, env) => start(scope, [], env) };
}

export async function buildJava(): Promise<PageProgram> {
  const place = lay("java", "Java", "src/main/java/shop/Main.java");
  const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
  const { skip, start } = await buildProject("grpc-page", packages, {}, place);
  return { skip, start: (scope, env) => start(scope, "shop.Main", { env }) };
}

export async function buildPython(): Promise<PageProgram> {
  const place = lay("python", "Python", "main.py");
  const { skip, path, start } = await installProject(
    "grpc-client",
    requirePackage("python3", "python3"),
    join(place, "main.py"),
  );
  if (skip === false) makeStubs("Python", place, [dirname(path)]);
  return { skip, start: (scope, env) => start(scope, [], env) };
}

function refuse(): never {
  throw new Error("the program was not built: pass its skip to the test");
}
