/** What is used of the library that reads CSV. */
declare module 'd3-dsv' {
  /** The cells of each row. */
  export function csvParseRows(text: string): string[][]
}
