/** The messages and methods of the `.proto` files beside this one, as the runtime of protocol buffers knows them. */
import {
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Described } from "../../../net/grpc/reflection.ts";
import { DESCRIPTORS } from "./descriptors.ts";

let files: FileRegistry | undefined;

/** Made when it is first asked for: the start of a registry whose etcd port nobody calls needs none of it. */
function filesOf(): FileRegistry {
  files ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, "base64")));
  return files;
}

/** `etcdserverpb.PutRequest` */
export function schemaOf(name: string): DescMessage {
  const found = filesOf().getMessage(name);
  if (found === undefined) throw new Error(`there is no message ${name}`);
  return found;
}

/** By its path, `/etcdserverpb.KV/Put`; undefined when there is no such method. */
export function methodOf(path: string): DescMethod | undefined {
  const [, service = "", name = ""] = path.split("/");
  return filesOf()
    .getService(service)
    ?.methods.find((method) => method.name === name);
}

/** For those who ask what is served. */
export function describe(services: readonly string[]): Described {
  const find = (name: string) => [...filesOf().files].find(({ proto }) => proto.name === name);
  return {
    services,
    fileOf: (symbol) => {
      const method = symbol.lastIndexOf(".");
      const found = filesOf().get(symbol) ?? filesOf().getService(symbol.slice(0, method));
      return found?.kind === "extension" ? undefined : found?.file.proto.name;
    },
    file: (name) => {
      const proto = find(name)?.proto;
      return proto && { bytes: toBinary(FileDescriptorProtoSchema, proto), imports: proto.dependency };
    },
  };
}
