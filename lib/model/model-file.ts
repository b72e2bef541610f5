import { parse } from 'node:path'

/** Whether the name of a model means a file that holds all of it, rather than an architecture of the zoo. */
export function isModelFile(name: string): boolean {
  return /[/\\]/.test(name) || /\.(pt2?|pth|ts|torchscript)$/i.test(name)
}

/** What files that belong to a model are named after: the architecture, or the file's name without its ending. */
export function modelLabel(name: string): string {
  return isModelFile(name) ? parse(name).name : name
}
