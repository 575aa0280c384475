/** Server-sent events (HTML Living Standard §9.2). JSON never holds a line break, so one data line is enough. */

/** One event. `id` is the position to resume from. */
export function encodeEvent(event: string, id: string, data: string): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}
