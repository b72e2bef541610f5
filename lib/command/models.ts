import type { Command } from 'commander'
import { architectures, demo } from '../index.js'
import { addJsonOption } from './common-options.js'
import { printJson, printTable } from './output.js'
import { publishedFiles } from './published-files.js'

/** Adds `iba models`. */
export function addModels(program: Command): void {
  const command = program
    .command('models')
    .summary('list the networks')
    .description(
      'Lists the networks, where the paper puts the bottleneck in each, and whether weights are published.',
    )
  addJsonOption(command).action(listModels)
}

interface ListedModel {
  name: string
  family: string
  bottleneckLayer: string
  published: boolean
  downloaded: boolean
}

function listModels({ json }: { json?: boolean }): void {
  const files = publishedFiles()
  const models: ListedModel[] = architectures().map(model => {
    const published = files.filter(file => file.model === model.name)
    return {
      ...model,
      published: published.length > 0,
      downloaded: published.some(({ path }) => path !== null),
    }
  })
  if (json) printJson(models)
  else printModels(models)
}

function printModels(models: readonly ListedModel[]): void {
  const rows = models.map(({ name, family, bottleneckLayer, published, downloaded }) => [
    name,
    family,
    bottleneckLayer,
    downloaded ? 'downloaded' : published ? 'published' : 'none',
  ])
  const demoFamily = models.find(({ name }) => name === demo.architecture)
  const own = ['demo', demoFamily?.family ?? '', demoFamily?.bottleneckLayer ?? '', 'in the package']
  printTable(['model', 'family', 'bottleneck layer', 'weights'], [...rows, own])
}
