import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Lets links to files that are no pages of the site, such as sources, lead to the repository, and gives links that are
 * called by the name of a page's file the title of the page.
 * @param {import('vitepress').MarkdownRenderer} markdown
 * @param {string} root of the repository
 * @param {string} repository its address
 * @throws a link leads to a file that isn't there */
export function adaptLinks(markdown, root, repository) {
  markdown.core.ruler.push('links', ({ tokens, env }) => {
    for (const { children } of tokens) {
      for (const [i, token] of (children ?? []).entries()) {
        const href = token.type === 'link_open' ? token.attrGet('href') : null
        if (href === null || /^([a-z]+:|#)/i.test(href)) continue
        const [path = '', anchor] = decodeURI(href).split('#')
        const file = path.startsWith('/') ? join(root, path) : join(dirname(env.path), path)
        const place = relative(root, file)
        if (isPage(place)) {
          const words = children[i + 1]
          if (path.endsWith('.md') && words.content === path.replace(/^(\.\.\/)+/, ''))
            words.content = titleOf(file)
          continue
        }
        if (!existsSync(file))
          throw new Error(`${relative(root, env.path)} links to ${href}, which isn't there`)
        const there = `${repository}/blob/main/${place}`
        token.attrSet('href', anchor === undefined ? there : `${there}#${anchor}`)
      }
    }
  })
}

/** @param {string} path in the repository */
function isPage(path) {
  return path !== 'README.md' && /(\.md|\.html|(^|\/)api-reference\/?)$/.test(path)
}

/** @param {string} file a page */
function titleOf(file) {
  return (
    /^# (.*)/m.exec(readFileSync(file, 'utf8'))?.[1]?.replaceAll('`', '') ?? relative(dirname(file), file)
  )
}
