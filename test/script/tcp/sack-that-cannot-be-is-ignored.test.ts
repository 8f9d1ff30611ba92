// RFC 2018, 3: blocks of text that was never sent, or the wrong way round, tell nothing; those from before the acknowledgment are D-SACKs.
import { script } from '../../support/script.js'
import { at, block, flight } from '../../support/script-flight.js'

for (const [what, blocks] of [
  ['beyond what was sent', [[at(50), at(60)]]],
  ['that reaches beyond it', [[at(2), at(60)]]],
  ['from before the connection', [[-5000, -1000]]],
  ['the wrong way round', [[at(5), at(2)]]],
  ['that is empty', [[at(3), at(3)]]],
  ['that goes half round the space', [[at(2), at(2) + 0x7fffffff]]],
] as const) {
  script(`a block ${what}`, () => {
    const f = flight(6)
      .acks(1, ...blocks)
      .acks(1, ...blocks)
      .acks(1, ...blocks)
      .silence()
    f.acks(1, block(2, 4)).expects(1).acks(7).silence()
  })
}

script('text that arrived twice (RFC 2883) is no sign of a loss', () => {
  const f = flight(6).acks(4)
  for (let i = 1; i <= 3; i++) f.acks(4, block(i))
  f.silence().acks(7).silence()
})
