/** Eureka's bodies in both formats, texts <-> instances. Pure; nothing here throws for what a client sent. */
import type { BuiltApplications, BuiltInstance } from "./info.ts";
import {
  closeJson,
  openJson,
  readApplicationsJson,
  readInstanceJson,
  writeApplicationJson,
  writeInstanceJson,
} from "./json.ts";
import type { Application, Format, InstanceInfo } from "./messages.ts";
import {
  closeXml,
  openXml,
  readApplicationsXml,
  readInstanceXml,
  writeApplicationXml,
  writeInstanceXml,
} from "./xml.ts";

export type ReadInstance = BuiltInstance;
export type ReadApplications = BuiltApplications;

/** Between two fragments of an answer. */
export const SEPARATORS: Readonly<Record<Format, string>> = { json: ",", xml: "" };

/** The body of a registration. */
export function readInstance(format: Format, body: Buffer): ReadInstance {
  return format === "json" ? readInstanceJson(body) : readInstanceXml(body);
}

/** What another server answers to a full fetch. */
export function readApplications(format: Format, body: Buffer): ReadApplications {
  return format === "json" ? readApplicationsJson(body) : readApplicationsXml(body);
}

/** The answer to `/apps/APP/ID`: with its root. */
export function writeInstance(format: Format, info: InstanceInfo): string {
  return format === "json" ? `{"instance":${writeInstanceJson(info)}}` : writeInstanceXml(info);
}

/** One application as it stands in a list of them: a fragment between `openApplications` and `closeApplications`. */
export function writeApplication(format: Format, application: Application): string {
  return format === "json" ? writeApplicationJson(application) : writeApplicationXml(application);
}

/** The answer to `/apps/APP`: with its root. Takes what `writeApplication` gave. */
export function wrapApplication(format: Format, fragment: string): string {
  return format === "json" ? `{"application":${fragment}}` : fragment;
}

/** What stands before the first fragment. */
export function openApplications(format: Format, versionsDelta: string, hashcode: string): string {
  return format === "json" ? openJson(versionsDelta, hashcode) : openXml(versionsDelta, hashcode);
}

/** What stands after the last fragment. */
export function closeApplications(format: Format): string {
  return format === "json" ? closeJson : closeXml;
}
