/**
 * Descriptions of what every server has beside its own services, as far as ours says it: health, and the details of statuses.
 * Tools that know the methods by reflection alone call the one and show the other.
 */
import { create, createFileRegistry, type FileRegistry } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  file_google_protobuf_duration as durations,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

type Field = readonly [name: string, kind: "text" | "message" | "messages" | "enum", typeName?: string];
interface Nested {
  readonly nestedType?: DescriptorProto[];
  readonly enumType?: EnumDescriptorProto[];
}

const TYPES = { text: Type.STRING, message: Type.MESSAGE, messages: Type.MESSAGE, enum: Type.ENUM } as const;

/** Fields are numbered from 1 on, in their order. */
function message(name: string, fields: readonly Field[], more: Nested = {}): DescriptorProto {
  const field = fields.map(([of, kind, typeName], nth) => ({
    name: of,
    number: nth + 1,
    label: kind === "messages" ? Label.REPEATED : Label.OPTIONAL,
    type: TYPES[kind],
    ...(typeName === undefined ? {} : { typeName }),
  }));
  return create(DescriptorProtoSchema, { ...more, name, field });
}

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
const health = () => ({
  name: "grpc/health/v1/health.proto",
  package: "grpc.health.v1",
  syntax: "proto3",
  messageType: [
    message("HealthCheckRequest", [["service", "text"]]),
    message("HealthCheckResponse", [["status", "enum", ".grpc.health.v1.HealthCheckResponse.ServingStatus"]], {
      enumType: [
        create(EnumDescriptorProtoSchema, {
          name: "ServingStatus",
          value: ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"].map((name, number) => ({ name, number })),
        }),
      ],
    }),
  ],
  service: [
    {
      name: "Health",
      method: ["Check", "Watch"].map((name) => ({
        name,
        inputType: ".grpc.health.v1.HealthCheckRequest",
        outputType: ".grpc.health.v1.HealthCheckResponse",
        serverStreaming: name === "Watch",
      })),
    },
  ],
});

/** https://google.aip.dev/193 */
const details = () => ({
  name: "google/rpc/error_details.proto",
  package: "google.rpc",
  syntax: "proto3",
  dependency: [durations.proto.name],
  messageType: [
    message("ErrorInfo", [
      ["reason", "text"],
      ["domain", "text"],
    ]),
    message("RetryInfo", [["retry_delay", "message", ".google.protobuf.Duration"]]),
    message("BadRequest", [["field_violations", "messages", ".google.rpc.BadRequest.FieldViolation"]], {
      nestedType: [
        message("FieldViolation", [
          ["field", "text"],
          ["description", "text"],
        ]),
      ],
    }),
  ],
});

let made: FileRegistry | undefined;

/** Made when it is first asked for. */
export function describeBeside(): FileRegistry {
  made ??= createFileRegistry(create(FileDescriptorSetSchema, { file: [durations.proto, health(), details()] }));
  return made;
}

/** Those of them that are served. */
export const SERVED_BESIDE: readonly string[] = ["grpc.health.v1.Health"];
