/** Why a store cannot be opened, read or written. */

/** A start or an operation refused for a reason that a person can mend. The message is the sentence. */
export class StoreRefused extends Error {
  override readonly name = "StoreRefused";
}

/** Something in the file is not as it must be. The message says what and where. */
export class Damaged extends Error {}

/** Written by a newer version: nothing is wrong with it, but it is not for this program. */
export class TooNew extends Error {}

/** Refused before anything was tried: the store is as it was. */
export class NoRoom extends Error {}
