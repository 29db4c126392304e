/** Whether a board's clock can be right at all. */

/** No board was started before this program was written. */
export const plausibleMs = Date.UTC(2025, 0, 1)
