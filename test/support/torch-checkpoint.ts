import type { NamedTensor } from '../../scripts/testing/module.js'
import { integer, tensor, text, zip } from './script-files.js'

/** The bytes that `torch.save({"epoch": 30, "state_dict": model.state_dict()}, …)` writes. */
export function checkpoint(tensors: readonly NamedTensor[]): Buffer {
  const state = tensors.map(({ name, shape }, i) => text(name) + tensor(`${i}`, shape)).join('')
  return zip([
    {
      name: 'checkpoint/data.pkl',
      data: `\x80\x02}(${text('epoch')}${integer(30)}${text('state_dict')}}(${state}uu.`,
    },
    { name: 'checkpoint/byteorder', data: 'little' },
    ...tensors.map(({ data }, i) => ({ name: `checkpoint/data/${i}`, data: bytesOf(data) })),
    { name: 'checkpoint/version', data: '3\n' },
  ])
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
