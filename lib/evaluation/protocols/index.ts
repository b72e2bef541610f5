import { InvalidArgumentError } from '../../foundation/errors.js'
import { infidelityProtocol, insertionDeletionProtocol, maxSensitivityProtocol } from './beyond.js'
import { degradationProtocol } from './degradation.js'
import { boundingBoxProtocol, pointingProtocol } from './localisation.js'
import type { Protocol } from './protocol.js'
import { sanityProtocol } from './sanity.js'
import { sensitivityProtocol } from './sensitivity-n.js'

const makers = {
  degradation: degradationProtocol,
  'bounding-boxes': boundingBoxProtocol,
  'sensitivity-n': sensitivityProtocol,
  sanity: sanityProtocol,
  'insertion-deletion': insertionDeletionProtocol,
  'pointing-game': pointingProtocol,
  infidelity: infidelityProtocol,
  'max-sensitivity': maxSensitivityProtocol,
}

export type ProtocolKind = keyof typeof makers

export const protocolKinds = Object.keys(makers) as ProtocolKind[]

/** A protocol of a kind with its settings; those that are absent get their defaults. */
export function createProtocol(
  kind: ProtocolKind,
  settings: Readonly<Record<string, unknown>> = {},
): Protocol {
  const make = makers[kind] as (settings: Readonly<Record<string, unknown>>) => Protocol
  return make(settings)
}

/** The protocol that a run's file names, with the settings it ran with. */
export function protocolOf(name: string, settings: Readonly<Record<string, unknown>>): Protocol {
  const protocol = protocolKinds
    .map(kind => createProtocol(kind, settings))
    .find(candidate => candidate.name === name)
  if (protocol) return protocol
  throw new InvalidArgumentError(
    `There is no protocol '${name}'. The protocols are: ${protocolKinds.join(', ')}.`,
  )
}
