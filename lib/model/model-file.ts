import { parse } from 'node:path'

/** Of model files, and of others that are given as such: what these are is told as they are loaded. */
const endings =
  /\.(pt2?|pth|ts|torchscript|onnx|onnx[._]data|ort|h5|hdf5|keras|pb|tflite|mlmodel|mlpackage|safetensors|ckpt|bin|pkl|npz|zip)$/i

/** Whether the name of a model means a file that holds all of it, rather than an architecture of the zoo. */
export function isModelFile(name: string): boolean {
  return /[/\\]/.test(name) || endings.test(name)
}

/** What files that belong to a model are named after: the architecture, or the file's name without its ending. */
export function modelLabel(name: string): string {
  return isModelFile(name) ? parse(name).name : name
}
