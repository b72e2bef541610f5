import { type Dataset, openDataset } from '../datasets/dataset.js'
import { loadModel } from '../model/load-model.js'
import type { Model } from '../model/model.js'
import { isModelFile } from '../model/model-file.js'
import { modelFileHash } from '../model/model-file-hash.js'
import { type Cell, cellsOf, type LeftOut } from './cells.js'
import type { ReproductionOptions } from './reproduction-options.js'

/** A loaded model with the data that it is evaluated on, and the values of its table. */
export interface EvaluatedModel {
  /** As the user calls it: the name in the zoo, or the path of its file. */
  name: string
  /** SHA-256 of its file and those beside it that hold its tensors, where it is of one. */
  file?: string
  model: Model
  dataset: Dataset
  cells: readonly Cell[]
  leftOut: readonly LeftOut[]
}

/** All models of a reproduction; disposing of them frees every one. */
export interface EvaluatedModels extends AsyncDisposable {
  all: readonly EvaluatedModel[]
}

/** Loads each model once, for everything that a reproduction does with it. */
export async function openModels(options: ReproductionOptions): Promise<EvaluatedModels> {
  const { weights, device, precision, data, models, signal } = options
  const { name: folder, ...given } = data
  const all: EvaluatedModel[] = []
  const loaded: Model[] = []
  const release = () => {
    for (const model of loaded) model.dispose()
  }
  try {
    for (const name of models) {
      const model = await loadModel(name, {
        device,
        precision,
        signal,
        ...(weights !== undefined && { weights }),
      })
      loaded.push(model)
      const dataset = await openDataset(folder, { classes: model.classes, ...given })
      const named = { name, ...(isModelFile(name) && { file: await modelFileHash(name) }) }
      all.push({ ...named, model, dataset, ...(await cellsOf({ ...named, dataset }, options)) })
    }
  } catch (error) {
    release()
    throw error
  }
  return {
    all,
    async [Symbol.asyncDispose]() {
      release()
    },
  }
}
