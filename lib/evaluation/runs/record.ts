import type { Preprocessing } from '../../images/preprocess.js'
import type { Score } from '../bootstrap.js'

/** What was found at an image or, in the sanity check, at an image and a stage. */
export interface RunRecord<Values = unknown> {
  /** Tells the records of a run apart. */
  key: string
  /** The sample's id. */
  id: string
  /** The class that was explained. */
  target: number
  /** Seconds until the map was there, with all maps of its batch. */
  seconds: number
  /** The first half of the SHA-256 of the image's file. */
  image?: string
  /** Why the image takes no part. */
  skipped?: string
  /** Absent where it was skipped. */
  values?: Values
}

/** A line of a plot. */
export interface Curve {
  name: string
  x: number[]
  y: number[]
}

/** What the records of a run amount to. */
export interface Summary {
  /** What the table shows. */
  score: Score
  /** Everything that has a name, the table's score among it. */
  scores: Record<string, Score>
  curves: Curve[]
  /** The names of the places on the curves' x axis, where they are no numbers. */
  places?: string[]
}

/** What a run is. */
export interface RunHeader {
  format: 1
  /** Its name, such as 'degradation-8'. */
  protocol: string
  /** The protocol's kind, such as 'degradation'. */
  kind: string
  /** The side of its tiles in pixels, where it has tiles. */
  tile?: number
  /** Which score is better. */
  direction: 'higher' | 'lower'
  /** Every setting of the protocol, those by default too. */
  settings: Readonly<Record<string, unknown>>
  method: {
    name: string
    title: string
    options: Readonly<Record<string, unknown>>
    /** The files of what it needs, with the SHA-256 of their content. */
    resources: Readonly<Record<string, { file: string; hash: string }>>
    /** A hash of the images that it learns from anew for changed networks, where the protocol changes any. */
    learning?: string
    /** What the layer's statistics were estimated from, where the method needs any. */
    statistics: { preset: string; layers: string[]; samples: number } | null
  }
  model: {
    name: string
    architecture: string
    weightHash: string
    /** SHA-256 of the model's file and those beside it that hold its tensors, where it is of one. */
    file?: string
    /** The name of the output that is explained, where it was chosen by it. */
    output?: string
    classes: number
    device: string
    /** What its network computes in, where that isn't float32. */
    precision?: 'bfloat16'
    /** Where a GPU's products were in TF32. */
    tf32?: true
    preprocessing: Preprocessing
  }
  /** The network that was trained on random labels, where the protocol compares with one. */
  randomLabels?: { name: string; weightHash: string }
  data: {
    name: string
    samples: number
    available: number
    seed: number
    /** Where images are shown as their files hold them. */
    orientation?: 'stored'
    /** A hash of the samples that are evaluated by all ranks: their ids, classes and boxes. */
    list: string
  }
  versions: { package: string; node: string; libtorch: string }
  /** The git revision of this package's sources, if it runs from a checkout. */
  revision: string | null
  /** Which share of the images this is: `rank` of `size`. */
  part: { rank: number; size: number }
}

/** A finished run, as its file has it. */
export interface RunResult extends RunHeader, Summary {
  started: string
  finished: string
  /** Of the maps; null where none was made. */
  secondsPerMap: number | null
  /** Images a second, with everything that a run does. */
  throughput: number
  records: RunRecord[]
  failures: { id: string; message: string }[]
}
