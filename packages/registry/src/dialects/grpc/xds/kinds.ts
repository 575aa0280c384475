/** The kinds of resources that are served, by what xDS calls them. */

/** In the order in which they are told: what is referred to comes first, so that traffic has somewhere to go. */
export const KINDS = ["cluster", "endpoints", "listener", "route"] as const;

export type Kind = (typeof KINDS)[number];

const BEGIN = "type.googleapis.com/";

export const TYPE_OF: Readonly<Record<Kind, string>> = {
  cluster: `${BEGIN}envoy.config.cluster.v3.Cluster`,
  endpoints: `${BEGIN}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${BEGIN}envoy.config.listener.v3.Listener`,
  route: `${BEGIN}envoy.config.route.v3.RouteConfiguration`,
};

export function kindOf(type: string): Kind | undefined {
  return KINDS.find((kind) => TYPE_OF[kind] === type);
}

/** Of these a response has all that are wanted, and who names none wants all. */
export function isWhole(kind: Kind): boolean {
  return kind === "cluster" || kind === "listener";
}
