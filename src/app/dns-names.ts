// Names that the DNS address answers for by itself: the option, in a program's form and in that of a command line. What is asked for
// and what is answered: service/dns-names.ts.
import { domainToASCII } from 'node:url'
import type { NamedAddresses } from '../service/dns-names.js'
import { NetloomError } from '../util/errors.js'
import { parse, parseAny, type Words } from '../wire/address.js'

/** Addresses by name, as text: one, or several of either family. */
export type DnsNamesOption = Readonly<Record<string, string | readonly string[]>>

/** RFC 1035, 2.3.4: octets of a name in wire form, and of one of its labels. */
const MAX_NAME = 255
const MAX_LABEL = 63
/** Addresses of one name: so many of IPv6, each behind the longest name, still fit a message. */
const MAX_ADDRESSES = 128

const EXAMPLE = '--dns-name db.test=192.0.2.7'

const bad = (message: string, hint = `write it as in ${EXAMPLE}`): NetloomError => new NetloomError('ERR_DNS_NAME', message, hint, 2)

/**
 * The addresses that names stand for, each once.
 * @throws NetloomError `ERR_DNS_NAME`.
 */
export function resolveDnsNames(option: DnsNamesOption = {}): NamedAddresses {
  const names = new Map<string, readonly Words[]>()
  for (const [name, text] of Object.entries(option)) {
    const ascii = checkName(name)
    const words = (typeof text === 'string' ? [text] : text).map((one) => checkAddress(name, one))
    if (words.length === 0) throw bad(`the name '${name}' has no address`, 'give it one, or leave it out')
    const all = new Map([...(names.get(ascii) ?? []), ...words].map((address) => [address.join(), address]))
    if (all.size > MAX_ADDRESSES)
      throw bad(`the name '${name}' has ${all.size} addresses, and ${MAX_ADDRESSES} is the most`, 'give it fewer')
    names.set(ascii, [...all.values()])
  }
  return names
}

/**
 * The names that a command line's text stands for; what they are is checked by `resolveDnsNames`.
 * @throws NetloomError `ERR_DNS_NAME`.
 */
export function parseDnsNames(text: string): DnsNamesOption {
  const names = new Map<string, string[]>()
  for (const part of text.split(',')) {
    const at = part.indexOf('=')
    if (at < 0) throw bad(`'${part}' gives no name an address`)
    const name = part.slice(0, at)
    names.set(name, [...(names.get(name) ?? []), part.slice(at + 1)])
  }
  return Object.fromEntries(names)
}

/** In lower case, without the final dot. */
function checkName(name: string): string {
  const plain = name.endsWith('.') ? name.slice(0, -1) : name
  if (plain === '') throw bad(`the name '${name}' is empty`)
  if (parse(plain) !== null || plain.includes(':')) throw bad(`the name '${name}' is an address`, `the name comes first, as in ${EXAMPLE}`)
  // RFC 5891, 4: what programs ask for is the ASCII form. (Given ASCII, the function would read numbers as an address.)
  const ascii = /^[\0-\x7f]*$/.test(plain) ? plain.toLowerCase() : domainToASCII(plain)
  const labels = ascii.split('.')
  const long = labels.find((label) => label.length > MAX_LABEL)
  if (long !== undefined)
    throw bad(`the name '${name}' has a part of ${long.length} characters, and ${MAX_LABEL} is the most`, 'use a shorter one')
  if (labels.at(-1) === 'localhost')
    throw bad(`the name '${name}' is the loopback of whoever asks (RFC 6761), and no name server is asked for it`, 'choose another name')
  if (ascii.length + 2 > MAX_NAME) throw bad(`the name '${name}' has more than ${MAX_NAME - 2} characters`, 'use a shorter one')
  if (!labels.every((label) => /^[a-z0-9_-]+$/.test(label))) {
    throw bad(`'${name}' is no name of a host`, `use letters, digits, - and _ between single dots, as in ${EXAMPLE}`)
  }
  return ascii
}

function checkAddress(name: string, text: string): Words {
  const words = parseAny(text)
  if (words === null) throw bad(`the name '${name}' is given '${text}', which is no IPv4 or IPv6 address`)
  return words
}
