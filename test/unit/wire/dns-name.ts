import { decode } from 'dns-packet'

/** The name in wire format at `from`, as dns-packet reads it: in a question around it. */
export function nameAt(content: Uint8Array, from: number): string {
  const header = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
  let end = from
  while (content[end] !== 0) end += 1 + content[end]!
  const { questions } = decode(Buffer.from([...header, ...content.subarray(from, end + 1), 0, 1, 0, 1]))
  return questions![0]!.name
}
