/** Nodes over one registry, one of which is on duty: what must be done once. */
import { ALONE, type Nodes } from "../../packages/registry/src/core/index.ts";

export interface DutyNode extends Nodes {
  /** This one is on duty from now on, and says so. */
  take(): void;
  /** It is not any more. */
  leave(): void;
}

export function createNode(isOnDuty: boolean): DutyNode {
  const listeners = new Set<() => void>();
  return {
    ...ALONE,
    isOnDuty: () => isOnDuty,
    onDuty(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    take() {
      isOnDuty = true;
      for (const listener of listeners) listener();
    },
    leave() {
      isOnDuty = false;
    },
  };
}
