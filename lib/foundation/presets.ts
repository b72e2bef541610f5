/** The two published conventions: `iba`, of the authors' library, and `paper`, of the paper's code. */
export const presets = ['iba', 'paper'] as const
/** The name of one of the {@link presets}. */
export type Preset = (typeof presets)[number]

/** Whose conventions a method's preset follows: `fast`, which the per-sample bottleneck has as well, those of `iba`. */
export function conventionsOf(preset: string): string {
  return preset === 'fast' ? 'iba' : preset
}
