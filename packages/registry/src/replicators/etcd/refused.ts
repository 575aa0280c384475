/** Why an order in etcd is not used; the sentences are for people. */

/** What lies in etcd is not what was written. */
export class Damaged extends Error {}

/** It cannot be used, and waiting does not help. */
export class EtcdRefused extends Error {}

/** Groups are gone that were to be read. */
export class Missed extends Error {}
