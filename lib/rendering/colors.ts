/** Red, green and blue, each from 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number]

/** A colour for each value from 0 to 1. */
export type ColorMap = (value: number) => Rgb

/** The colour maps that come with the package. */
export type ColorMapName = 'inferno' | 'viridis' | 'cividis' | 'blue-red'

export const colorMapNames: readonly ColorMapName[] = ['inferno', 'viridis', 'cividis', 'blue-red']

// Every 15th of the 256 colours of matplotlib's maps, which their authors (N. Smith, S. van der Walt; of cividis J. Nuñez,
// C. Anderton, R. Renslow) gave to the public domain (CC0). Their lightness grows evenly, so equal steps of the value look
// equally large. 'blue-red' is for signed values: as light at one end as at the other, and almost white for 0.
const points: Record<ColorMapName, string> = {
  inferno:
    '000004 0a0722 1e0c45 380962 510e6c 69166e 801f6c 982766 b0315b c63d4d d94d3d e9612b f47918 fa9407 fcb014 f8cd37 f2ea69 fcffa4',
  viridis:
    '440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f d8e219 fde725',
  cividis:
    '00224e 002d68 163770 2e416d 3f4c6c 4e566c 5c616e 696b71 767676 838179 928c78 a09875 afa471 bfb06b cfbd62 dfca57 f0d846 fee838',
  'blue-red': '1a4ad4 4a7df0 9dbdfa f4f4f4 fab2a0 f0694e d42a1f',
}

/** The colours of a map. Values outside 0 to 1 take the colour at the end. */
export function colorsOf(name: ColorMapName): ColorMap {
  const colors = points[name].split(' ').map(parse)
  return value => {
    const place = Math.min(Math.max(value, 0), 1) * (colors.length - 1)
    const below = Math.min(Math.floor(place), colors.length - 2)
    return mix(colors[below]!, colors[below + 1]!, place - below)
  }
}

/** The colour between two, `amount` (0 to 1) of the way from the first to the second. */
export function mix(first: Rgb, second: Rgb, amount: number): Rgb {
  const channel = (i: 0 | 1 | 2) => Math.round(first[i] + (second[i] - first[i]) * amount)
  return [channel(0), channel(1), channel(2)]
}

function parse(hex: string): Rgb {
  const value = Number.parseInt(hex, 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}
