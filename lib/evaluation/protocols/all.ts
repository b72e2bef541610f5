import { InvalidArgumentError } from '../../foundation/errors.js'
import { suggestion } from '../../foundation/validate.js'
import type { RunHeader } from '../runs/record.js'
import { complexityProtocol, sparsenessProtocol } from './complexity.js'
import { confidenceProtocol } from './confidence.js'
import { degradationProtocol } from './degradation.js'
import { effectiveHeatRatioProtocol } from './effective-heat-ratio.js'
import { efficientMprtProtocol } from './efficient-mprt.js'
import { faithfulnessCorrelationProtocol } from './faithfulness-correlation.js'
import { focusProtocol } from './focus.js'
import { infidelityProtocol } from './infidelity.js'
import { insertionDeletionProtocol } from './insertion-deletion.js'
import { irofProtocol } from './irof.js'
import { boundingBoxProtocol, pointingProtocol } from './localisation.js'
import { maxSensitivityProtocol } from './max-sensitivity.js'
import type { Protocol, ProtocolDeclaration } from './protocol.js'
import { randomLabelsProtocol } from './random-labels.js'
import { randomLogitProtocol } from './random-logit.js'
import { regionPerturbationProtocol } from './region-perturbation.js'
import { relevanceAccuracyProtocol } from './relevance-accuracy.js'
import { roadProtocol } from './road.js'
import { sanityProtocol } from './sanity.js'
import { selectivityProtocol } from './selectivity.js'
import { sensitivityProtocol } from './sensitivity-n.js'

/** All protocols, in the order they are shown to users. */
export const protocols: readonly ProtocolDeclaration[] = [
  degradationProtocol,
  boundingBoxProtocol,
  sensitivityProtocol,
  sanityProtocol,
  insertionDeletionProtocol,
  pointingProtocol,
  infidelityProtocol,
  maxSensitivityProtocol,
  effectiveHeatRatioProtocol,
  relevanceAccuracyProtocol,
  confidenceProtocol,
  roadProtocol,
  regionPerturbationProtocol,
  selectivityProtocol,
  irofProtocol,
  faithfulnessCorrelationProtocol,
  focusProtocol,
  complexityProtocol,
  sparsenessProtocol,
  randomLogitProtocol,
  efficientMprtProtocol,
  randomLabelsProtocol,
]

/** @throws InvalidArgumentError where there is no protocol of that kind, naming the nearest */
export function findProtocol(kind: string): ProtocolDeclaration {
  const found = protocols.find(protocol => protocol.kind === kind)
  if (found) return found
  const kinds = protocols.map(protocol => protocol.kind)
  throw new InvalidArgumentError(
    `There is no protocol '${kind}'.${suggestion(kind, kinds)} The protocols are: ${kinds.join(', ')}.`,
  )
}

/** The protocol of a run, with the settings it ran with. */
export function protocolOf({ kind, settings }: Pick<RunHeader, 'kind' | 'settings'>): Protocol {
  const declaration = findProtocol(kind)
  const own = declaration.options.map(({ name }) => [name, settings[name]])
  return declaration.create(Object.fromEntries(own))
}

/** What the header of a run says of its protocol. */
export function protocolFields({
  name,
  kind,
  tile,
  direction,
}: Protocol): Pick<RunHeader, 'protocol' | 'kind' | 'tile' | 'direction'> {
  return { protocol: name, kind, ...(tile !== undefined && { tile }), direction }
}

/** The kind of a run by its name, for files that don't say it. */
export function kindOf({ protocol, settings }: Pick<RunHeader, 'protocol' | 'settings'>): string {
  const found = protocols.find(({ kind }) => protocolOf({ kind, settings }).name === protocol)
  return findProtocol(found?.kind ?? protocol).kind
}
