declare module 'mat-for-js' {
  /** Reads a MATLAB level 5 file. */
  export function read(file: ArrayBuffer): { header: string; data: Record<string, unknown> }
}
