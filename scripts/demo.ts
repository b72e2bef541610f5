// Explains photographs and the sample images of the package, and shows the maps on one page.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { demoSamples } from '../lib/index.js'
import { fetchPhotographSet } from './demo/explain-photographs.js'
import { makeDemo } from './demo/make-demo.js'

const { values: options } = parseArgs({ options: { out: { type: 'string', default: 'demo-output' } } })

const page = await makeDemo(options.out, { fetchSet: fetchPhotographSet, samples: await demoSamples() })
console.log(`\nOpen ${pathToFileURL(resolve(page)).href}`)
