import { type Dataset, openDataset } from '../datasets/dataset.js'
import { loadModel, type Model } from '../model/model.js'
import type { ReproductionOptions } from './options.js'

/** A loaded model with the data that it is evaluated on. */
export interface Bench extends AsyncDisposable {
  name: string
  model: Model
  dataset: Dataset
}

/** Loads a model, and opens the data for it. */
export async function openBench(
  name: string,
  { weights, device, data }: Pick<ReproductionOptions, 'weights' | 'device' | 'data'>,
): Promise<Bench> {
  const model = await loadModel(name, { device, ...(weights !== undefined && { weights }) })
  try {
    const { name: folder, ...given } = data
    const dataset = await openDataset(folder, { classes: model.classes, ...given })
    return {
      name,
      model,
      dataset,
      async [Symbol.asyncDispose]() {
        model.dispose()
      },
    }
  } catch (error) {
    model.dispose()
    throw error
  }
}
