import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/setup/paths.mjs'
import { filesBelow } from '../../scripts/setup/stamp.mjs'

/** The pages that are written for whoever uses the package or works on it, as paths in the repository. */
export const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...filesBelow('docs').filter(file => /^docs\/(guides\/)?[^/]*\.md$/.test(file)),
]

/** Those that begin with files of their own. */
export const examplePages = filesBelow('docs/examples').filter(file => file.endsWith('.md'))

/** A fenced block of Markdown. */
export interface Block {
  language: string
  text: string
  line: number
}

/** A command that a `console` block shows after `$ `, with the lines that it prints. */
export interface Example {
  command: string
  output: string
  line: number
}

/** The fenced blocks of a document, a path in the package. */
export function readBlocks(document: string): Block[] {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(match => ({
    language: match[1]!,
    text: match[2]!,
    line: text.slice(0, match.index).split('\n').length,
  }))
}

/** The programs of a document: blocks that begin with the name of their file. Those in folders are for other tools. */
export function readPrograms(document: string): { file: string; text: string }[] {
  return readBlocks(document).flatMap(({ text }) => {
    const file = /^\/\/ ([\w-]+\.mjs)\n/.exec(text)?.[1]
    return file === undefined ? [] : [{ file, text }]
  })
}

export function readExamples(document: string): Example[] {
  return readBlocks(document)
    .filter(({ language }) => language === 'console')
    .flatMap(({ text, line }) =>
      text
        .split(/^\$ /m)
        .slice(1)
        .map(example => {
          const [command = '', ...output] = joinLines(example).split('\n')
          return { command, output: output.join('\n'), line }
        }),
    )
}

/** Writes the programs of documents into a folder, in which they find the package and what it is used with.
 * @returns their paths */
export function layOutPrograms(folder: string, from: readonly string[]): string[] {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  symlinkSync(root, join(modules, 'attribution-bottleneck'))
  for (const used of ['fastify', 'sharp', '@types'])
    symlinkSync(join(root, 'node_modules', used), join(modules, used))
  return from.flatMap(readPrograms).map(({ file, text }) => {
    const path = join(folder, file)
    writeFileSync(path, text)
    return path
  })
}

/** The commands of `iba` in a text, as words. */
export function commandsOf(text: string): string[][] {
  return [...joinLines(text).matchAll(/(?:^|[\s$])iba ([a-z][^\n#&|;']*)/g)].map(match =>
    match[1]!.trim().split(/\s+/),
  )
}

/** Whether a program printed what a document shows, where numbers with a fraction and durations are any number, white
 * space has any width, and `…` stands for anything, on a line of its own for any lines. */
export function isShown(shown: string, printed: string): boolean {
  const lines = normalised(shown).map(line =>
    line === '…' ? '(?:.*\n)*' : `${line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/…/g, '.*')}\n`,
  )
  const text = normalised(printed).filter(line => !progress.test(line))
  return new RegExp(`^${lines.join('')}$`).test(`${text.join('\n')}\n`)
}

const progress = /^\d+\/\d+ \w+, .* left$/

function normalised(text: string): string[] {
  const lines = text.trimEnd().split('\n')
  return lines.map(line =>
    line
      .replace(/\d[\d,]*(\.\d+)+(e-?\d+)?/g, '#')
      .replace(/\d+(?= ?(h|min|s|ms)\b)/g, '#')
      // A cell of a table, such as seconds that happen to be whole.
      .replace(/(?<= {2})\d+(?= {2})/g, '#')
      .replace(/\s+/g, ' ')
      .trim(),
  )
}

/** Ends of lines that a backslash continues are no ends. */
function joinLines(text: string): string {
  return text.replace(/\\\n\s*/g, '')
}
