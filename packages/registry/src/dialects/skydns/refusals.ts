/** The registry's refusals in the words of the original. */
import type { Refusal, Refused } from "../../core/index.ts";

export const EXISTS = "Service already exists in registry";
export const NOT_EXISTS = "Service does not exist in registry";

/** An answer that is a status and a line of text. */
export interface Word {
  readonly status: number;
  readonly text: string;
}

const WORDS: Readonly<Record<Refusal, (detail: string) => Word>> = {
  invalid: (text) => ({ status: 400, text }),
  "too-large": (text) => ({ status: 400, text }),
  limit: (text) => ({ status: 429, text }),
  forbidden: (text) => ({ status: 403, text }),
  "not-found": () => ({ status: 404, text: NOT_EXISTS }),
  exists: () => ({ status: 409, text: EXISTS }),
  conflict: (text) => ({ status: 500, text }),
  compacted: (text) => ({ status: 500, text }),
  unsupported: (text) => ({ status: 501, text }),
  unavailable: (text) => ({ status: 503, text }),
};

export function toWord({ refusal, detail }: Refused): Word {
  return WORDS[refusal](detail);
}
