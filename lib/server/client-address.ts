import { isIP } from 'node:net'

/** Whom an address stands for: of IPv6 the first 64 bits, since one machine has all addresses behind them. */
export function clientAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || isIP(address) !== 6) return mapped ?? address
  const [before = '', behind] = address.toLowerCase().split('::')
  const [first, last] = [before, behind ?? ''].map(part => part.split(':').filter(group => group !== ''))
  const zeros = behind === undefined ? 0 : 8 - first!.length - last!.length
  const groups = [...first!, ...Array<string>(zeros).fill('0'), ...last!]
  return `${groups.slice(0, 4).join(':')}::/64`
}
