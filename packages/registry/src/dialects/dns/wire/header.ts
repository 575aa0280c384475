/** The header of a message: RFC 1035 §4.1.1; CD: RFC 4035 §3.1.6. */
export const HEADER_BYTES = 12;

/** Bits of its third byte. */
export const QR_BIT = 0x80;
export const OPCODE_BITS = 0x78;
export const AA_BIT = 0x04;
export const TC_BIT = 0x02;
export const RD_BIT = 0x01;

/** Bits of its fourth byte. */
export const RA_BIT = 0x80;
export const CD_BIT = 0x10;
export const RCODE_BITS = 0x0f;

export function isTruncated(packet: Buffer): boolean {
  return (packet[2]! & TC_BIT) !== 0;
}
