/** JSON shapes of configuration. */

/** GET /v2/:account/config/<key>. `?raw` answers the bare bytes instead. */
export interface KeyBody {
  key: string;
  /** The value as text, or null when it is not UTF-8 … */
  value: string | null;
  /** … and then it is here, in base64. */
  valueBase64?: string;
  /** The key's bytes in base64, when they are not UTF-8 and `key` shows only what can be shown. */
  keyBase64?: string;
  version: number;
  createRevision: number;
  modRevision: number;
  lease: string | null;
}

/** GET /v2/:account/config?prefix= */
export interface KeysBody {
  revision: number;
  keys: KeyBody[];
  next: string | null;
}

export interface PutBody {
  key: string;
  revision: number;
  version: number;
}

/** POST /v2/:account/transactions */
export interface TransactionBody {
  /** All must hold. `revision` is the key's modRevision, 0 for a key that is not there. */
  guards?: Array<{ key: string; revision?: number; version?: number; value?: string; exists?: boolean }>;
  then?: TransactionStepBody[];
  otherwise?: TransactionStepBody[];
}

export type TransactionStepBody =
  | { put: { key: string; value?: string; valueBase64?: string; lease?: string } }
  | { delete: { key: string } | { prefix: string } }
  | { get: { key: string } | { prefix: string } };

export interface TransactedBody {
  succeeded: boolean;
  revision: number;
  results: Array<
    { put: { key: string; version: number } } | { delete: { deleted: number } } | { get: { keys: KeyBody[] } }
  >;
}
