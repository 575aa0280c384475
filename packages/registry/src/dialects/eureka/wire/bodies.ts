/** Eureka's bodies in both formats, texts <-> instances. Nothing here throws for what a client sent. */
import type { Outcome } from "../../../core/index.ts";
import type { ReadRegistry } from "./info.ts";
import {
  openApplicationJson,
  openApplicationsJson,
  readApplicationsJson,
  readInstanceJson,
  writeInstanceJson,
} from "./json.ts";
import type { Format, InstanceInfo } from "./messages.ts";
import {
  openApplicationsXml,
  openApplicationXml,
  readApplicationsXml,
  readInstanceXml,
  writeInstanceXml,
} from "./xml.ts";

/** What is the same around all lists of applications. */
interface Frame {
  /** Between two instances, and between two applications. */
  readonly separator: string;
  readonly closeApplication: string;
  readonly closeApplications: string;
  /** Before and behind an application that is an answer by itself. */
  readonly openRoot: string;
  readonly closeRoot: string;
}

export const FRAMES: Readonly<Record<Format, Frame>> = {
  json: {
    separator: ",",
    closeApplication: "]}",
    closeApplications: "]}}",
    openRoot: '{"application":',
    closeRoot: "}",
  },
  xml: {
    separator: "",
    closeApplication: "</application>",
    closeApplications: "</applications>",
    openRoot: "",
    closeRoot: "",
  },
};

/** The body of a registration. */
export function readInstance(format: Format, body: Buffer): Outcome<InstanceInfo> {
  return format === "json" ? readInstanceJson(body) : readInstanceXml(body);
}

/** What another server answers to a full fetch. */
export function readApplications(format: Format, body: Buffer): Outcome<ReadRegistry> {
  return format === "json" ? readApplicationsJson(body) : readApplicationsXml(body);
}

/** The answer to `/apps/APP/ID`: with its root. */
export function writeInstance(format: Format, info: InstanceInfo): string {
  return format === "json" ? `{"instance":${writeInstanceJson(info)}}` : writeInstanceXml(info);
}

/** The start of a list of applications. */
export function openApplications(format: Format, versionsDelta: string, hashcode: string): string {
  return format === "json"
    ? openApplicationsJson(versionsDelta, hashcode)
    : openApplicationsXml(versionsDelta, hashcode);
}

/** The start of one application. */
export function openApplication(format: Format, name: string): string {
  return format === "json" ? openApplicationJson(name) : openApplicationXml(name);
}

/** Instances of one application, one after the other. */
export function writeInstances(format: Format, instances: readonly InstanceInfo[]): string {
  return instances.map(format === "json" ? writeInstanceJson : writeInstanceXml).join(FRAMES[format].separator);
}
