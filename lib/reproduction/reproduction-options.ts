import type { DatasetOptions } from '../datasets/dataset.js'
import type { Protocol } from '../evaluation/protocols/protocol.js'
import type { Device } from '../model/device.js'
import type { Precision } from '../model/precision.js'
import type { PaperMethod } from './paper.js'
import type { PublishedValues } from './published.js'

/** A protocol, and how many images it takes at most. */
export interface PlannedProtocol {
  protocol: Protocol
  samples: number
}

/** What is reproduced: every method on every model by every protocol. */
export interface ReproductionOptions {
  models: readonly string[]
  /** Of all models; by default the published ones. */
  weights: string | undefined
  device: Device
  precision: Precision
  methods: readonly PaperMethod[]
  protocols: readonly PlannedProtocol[]
  data: { name: string } & Omit<DatasetOptions, 'classes'>
  /** What stands beside the measured values. */
  published: PublishedValues
  /** Draws the samples and seeds the methods. */
  seed: number
  /** Images that statistics are estimated from and patterns are fitted to. */
  learn: number
  /** Changed images that go through the network together. */
  rows: number | undefined
  /** Where everything is kept that is found. */
  folder: string
  signal: AbortSignal
}
