import type { Dataset } from '../../datasets/dataset.js'
import { imageFolder } from '../../images/folder.js'
import type { LearningImages } from './method.js'

/** More of them would take longer than the evaluation itself where they are learnt from again and again. */
const mostForChangedNetworks = 1000

/** The images that statistics of a changed network are learnt from: the training set's, or else those of the evaluation. */
export function learningImages(
  { training, samples }: Dataset,
  most = mostForChangedNetworks,
): LearningImages {
  if (training === null) {
    const paths = samples.map(({ path }) => path).slice(0, most)
    return { images: paths, samples: paths.length }
  }
  return { images: imageFolder(training, { shuffleSeed: 0 }), samples: most }
}
