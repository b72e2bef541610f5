import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically } from '../../lib/foundation/files.js'
import { type DemoSample, DownloadError } from '../../lib/index.js'
import { type PageSection, renderPage } from '../../lib/rendering/page.js'
import { explainPhotographs, type PhotographSet } from './explain-photographs.js'
import { explainSamples } from './explain-samples.js'

const title = 'Where the network looked, in bits'
const introduction =
  'Images explained with the per-sample information bottleneck: as much noise as possible is put into a layer of the network ' +
  'while the class stays recognisable. What information is left, and where, is the map, in bits per pixel.'

/** Explains photographs, where they can be had, and sample images of the package, and writes pictures and a page into a folder.
 * @returns the path of the page */
export async function makeDemo(
  out: string,
  { fetchSet, samples }: { fetchSet: () => Promise<PhotographSet>; samples: readonly DemoSample[] },
): Promise<string> {
  await mkdir(out, { recursive: true })
  const sections: PageSection[] = []
  console.log(
    'Photographs, and a network that was trained on such, are fetched unless they are in the cache …',
  )
  const set = await fetchSet().catch(whyNot)
  const leftOut = typeof set === 'string' ? `Photographs are left out. ${set}` : undefined
  if (typeof set !== 'string') sections.push(await explainPhotographs(out, set))
  if (leftOut !== undefined) console.log(leftOut)
  const synthetic = await explainSamples(out, samples)
  sections.push(synthetic)
  console.log(`\n${synthetic.conclusion}`)
  const page = join(out, 'index.html')
  const footer = leftOut !== undefined && { footer: leftOut }
  await writeFileAtomically(page, renderPage({ title, introduction, sections, ...footer }))
  return page
}

/** Why there are no photographs; what else goes wrong is a mistake. */
function whyNot(error: unknown): string {
  if (!(error instanceof DownloadError)) throw error
  return error.message
}
