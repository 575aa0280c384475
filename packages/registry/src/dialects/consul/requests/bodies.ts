/**
 * What most clients ask for, a service's instances with their health and nothing else, made once until the service or a
 * node changes: a thousand queries that wait for one service are answered by one buffer.
 */
import { perRevision, type Revision, type ServiceView } from "../../../core/index.ts";
import { Shared } from "../../../net/answers/parts.ts";

/** Longer lists are made part by part, for each who asks. */
const INSTANCES_MAX = 1000;
const KEPT_BYTES_MAX = 16 * 1024 * 1024;

/** A service with the nodes that it stands on. */
interface Subject {
  readonly service: ServiceView;
  /** The later of both. */
  revision: Revision;
}

const subjects = new WeakMap<ServiceView, Subject>();

function subjectOf(service: ServiceView, nodesRevision: Revision): Subject {
  const revision = Math.max(service.revision, nodesRevision);
  const known = subjects.get(service);
  if (known === undefined) {
    const subject = { service, revision };
    subjects.set(service, subject);
    return subject;
  }
  known.revision = revision;
  return known;
}

/** `nodesRevision`: when any node changed last. */
export type Bodies = (
  service: ServiceView,
  nodesRevision: Revision,
  make: () => Iterable<string>,
) => Shared | undefined;

/** `make` gives what stands in the list; nothing is kept of a service with many instances. */
export function keepBodies(): Bodies {
  const kept = perRevision(
    (_: Subject, make: () => Iterable<string>) => new Shared(Buffer.from(`[${[...make()].join()}]`)),
    {
      costMax: KEPT_BYTES_MAX,
      costOf: ({ whole }) => whole.length,
    },
  );
  return (service, nodesRevision, make) =>
    service.instances.size > INSTANCES_MAX ? undefined : kept(subjectOf(service, nodesRevision), make);
}
