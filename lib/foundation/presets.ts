/** The two published conventions: `iba`, of the authors' library, and `paper`, of the paper's code. */
export const presets = ['iba', 'paper'] as const
/** The name of one of the {@link presets}. */
export type Preset = (typeof presets)[number]
