import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { adaptLinks } from './links.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const { name, homepage, description } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const repository = homepage.replace(/#.*/, '')
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#f98e09" d="M1 1h14L10 8l5 7H1l5-7z"/></svg>'

/** What typedoc found, under the names by which the modules are imported. */
function reference() {
  /** @type {{ text: string }[]} */
  const [library, server] = JSON.parse(readFileSync(`${root}api-reference/typedoc-sidebar.json`, 'utf8'))
  return [
    { ...library, text: name, collapsed: false },
    { ...server, text: `${name}/server`, collapsed: false },
  ]
}

/** A heading's anchor as GitHub makes it, so that links to it mean the same there.
 * @param {string} text */
function slugify(text) {
  const kept = text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
  return kept.replaceAll(' ', '-')
}

/** A page of docs/ in the sidebar.
 * @param {string} text
 * @param {string} page */
function page(text, page) {
  return { text, link: `/docs/${page}` }
}

const guides = [
  page('Getting started', 'start'),
  page('Installation', 'installation'),
  page('Integrations', 'integrations'),
  {
    text: 'By use',
    items: [
      page('A service', 'guides/service'),
      page('Training a readout', 'guides/training'),
      page('Reproducing the paper', 'guides/reproduction'),
      page('Comparing methods', 'guides/comparison'),
      page('Exploring in the browser', 'explore'),
    ],
  },
  {
    text: 'Your own model',
    items: [
      page('Models', 'models'),
      page('A Hugging Face folder', 'examples/hugging-face'),
      page('An ONNX file', 'examples/onnx'),
      page('A fine-tuned head', 'examples/fine-tuned'),
      page('A grey image', 'examples/grey'),
      page('A binary classifier', 'examples/binary'),
    ],
  },
]

const methods = [
  page('All methods', 'methods'),
  page('What they show', 'gallery'),
  page('The per-sample bottleneck', 'bottleneck'),
  page('The readout bottleneck', 'readout'),
  page('The family on one network', 'family'),
  page('Evaluation', 'evaluation'),
]

const interfaces = [
  page('The API', 'api'),
  page('The command iba', 'command'),
  page('Serving', 'serving'),
  page('Training with many processes', 'distributed'),
  { text: 'Every name', link: '/api-reference/' },
]

const design = [
  { text: 'Architecture', link: '/ARCHITECTURE' },
  { text: 'Contributing', link: '/CONTRIBUTING' },
  page('Adding a method', 'adding-a-method'),
  page('Adding an operation', 'adding-an-operation'),
  page('Benchmarks', 'benchmarks'),
  page('Roofline', 'roofline'),
  { text: 'Changelog', link: '/CHANGELOG' },
  { text: 'Security', link: '/SECURITY' },
]

export default defineConfig({
  title: name,
  description,
  lang: 'en',
  // The pages stay where the repository has them, so that their links mean the same in both.
  srcDir: root,
  srcExclude: [
    '{build,dist,native,test,demo,demo-*,prebuilds,lib,scripts,site,.github}/**',
    '**/node_modules/**',
    'README.md',
  ],
  rewrites: { 'docs/site/index.md': 'index.md' },
  outDir: `${root}site`,
  cacheDir: fileURLToPath(new URL('cache', import.meta.url)),
  // Below which address the site is published.
  base: process.env.SITE_BASE ?? '/',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  markdown: {
    anchor: { slugify },
    config: markdown => adaptLinks(markdown, root, repository),
  },
  themeConfig: {
    nav: [
      {
        text: 'Guides',
        link: '/docs/start',
        activeMatch: '/docs/(start|installation|integrations|guides|examples|models|explore)',
      },
      {
        text: 'Methods',
        link: '/docs/methods',
        activeMatch: '/docs/(methods|gallery|bottleneck|readout|family|evaluation)',
      },
      {
        text: 'API',
        link: '/docs/api',
        activeMatch: '/docs/(api|command|serving|distributed)|/api-reference',
      },
      { text: 'Benchmarks', link: '/docs/benchmarks', activeMatch: '/docs/(benchmarks|roofline)' },
      { text: 'Design', link: '/ARCHITECTURE', activeMatch: '/[A-Z]+|/docs/adding' },
    ],
    sidebar: {
      // The names of the reference are many: only its pages list them.
      '/api-reference/': [{ text: 'API', items: interfaces }, ...reference()],
      '/': [
        { text: 'Guides', items: guides },
        { text: 'Methods', items: methods },
        { text: 'API', items: interfaces },
        { text: 'Design', items: design },
      ],
    },
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    editLink: { pattern: `${repository}/edit/main/:path`, text: 'Edit this page' },
  },
})
