/** The messages and methods of compiled `.proto` files, and codecs for what is not asked thousands of times a second. */
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describeBeside, SERVED_BESIDE } from "./beside.ts";
import { type Codec, HEAD_BYTES } from "./method.ts";
import type { Described } from "./reflection.ts";

/** What an answer may be given as: the fields that are not 0 or empty, in a plain object. */
export type Init<A extends Message> = MessageInitShape<GenMessage<A>>;

export class Schema {
  readonly #descriptors: string;
  #files: FileRegistry | undefined;

  /** `descriptors`: a FileDescriptorSet in base64. */
  constructor(descriptors: string) {
    this.#descriptors = descriptors;
  }

  /** Made when it is first asked for: the start of a registry whose port nobody calls needs none of it. */
  get files(): FileRegistry {
    this.#files ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(this.#descriptors, "base64")));
    return this.#files;
  }

  /** `etcdserverpb.PutRequest` */
  message(name: string): DescMessage {
    const found = this.files.getMessage(name);
    if (found === undefined) throw new Error(`there is no message ${name}`);
    return found;
  }

  /** By its path, `/etcdserverpb.KV/Put`; undefined when there is no such method. */
  method(path: string): DescMethod | undefined {
    const [, service = "", name = ""] = path.split("/");
    return this.files.getService(service)?.methods.find((method) => method.name === name);
  }

  /** Of the requests and answers of this method. */
  codec<Q extends Message, A extends Message>(path: string): Codec<Q, Init<A>> {
    const find = () => {
      const method = this.method(path);
      if (method === undefined) throw new Error(`there is no method ${path}`);
      return method;
    };
    return {
      decode: (message) => fromBinary(find().input, message) as Message as Q,
      encode: (answer) => {
        const { output } = find();
        return framed(toBinary(output, create(output, answer as Record<string, unknown>)));
      },
    };
  }

  /** For those who ask what is served. */
  describe(services: readonly string[]): Described {
    const registries = () => [this.files, describeBeside()];
    const find = (name: string) =>
      registries()
        .flatMap(({ files }) => [...files])
        .find(({ proto }) => proto.name === name);
    return {
      services: [...services, ...SERVED_BESIDE],
      fileOf: (symbol) => {
        const service = symbol.slice(0, symbol.lastIndexOf("."));
        const found = registries()
          .map((registry) => registry.get(symbol) ?? registry.getService(service))
          .find((desc) => desc !== undefined);
        return found?.kind === "extension" ? undefined : found?.file.proto.name;
      },
      file: (name) => {
        const proto = find(name)?.proto;
        return proto && { bytes: toBinary(FileDescriptorProtoSchema, proto), imports: proto.dependency };
      },
    };
  }
}

/** A message with room for the head of its frame. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}
