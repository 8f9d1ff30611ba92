// Send sequence variables (RFC 9293, 3.3.1) and what belongs to them: a view over a row. columns.ts says what each one is.
//
//   sent and acknowledged | sent, in flight | may be sent
//   ----------------------+-----------------+----------------
//                       sndUna            sndNxt  sndUna+sndWnd
import {
  BACKOFF,
  CUBIC_K,
  CWND,
  CWND_PRIOR,
  DUP_ACKS,
  EPOCH,
  FLIGHT_SIZE,
  ISS,
  LAST_SENT,
  MAX_WND,
  MIN_RTT,
  PRIOR_CWND,
  PRIOR_SSTHRESH,
  PRR_DELIVERED,
  PRR_OUT,
  RECOVER,
  RECOVER_FS,
  REORDER_STEPS,
  RETRIED,
  RTO,
  RTT_SENT,
  RTT_SEQ,
  RTTVAR,
  SACKED_COUNT,
  SND_MAX,
  SND_MSS,
  SND_NXT,
  SND_SCALE,
  SND_UNA,
  SND_UP,
  SND_WL1,
  SND_WL2,
  SND_WND,
  SRTT,
  SSTHRESH,
  TAIL_END,
  TAIL_STAMP,
  TAIL_WAIT,
  TIMER_MODE,
  UNDO_STAMP,
  W_EST,
  W_MAX,
} from './columns.js'

export class SendVariables {
  readonly rows: Int32Array
  /** First word of the row. */
  readonly base: number

  constructor(rows: Int32Array, base: number) {
    this.rows = rows
    this.base = base
  }

  get iss(): number {
    return this.rows[this.base + ISS]!
  }
  set iss(value: number) {
    this.rows[this.base + ISS] = value
  }
  get sndUna(): number {
    return this.rows[this.base + SND_UNA]!
  }
  set sndUna(value: number) {
    this.rows[this.base + SND_UNA] = value
  }
  get sndNxt(): number {
    return this.rows[this.base + SND_NXT]!
  }
  set sndNxt(value: number) {
    this.rows[this.base + SND_NXT] = value
  }
  get sndMax(): number {
    return this.rows[this.base + SND_MAX]!
  }
  set sndMax(value: number) {
    this.rows[this.base + SND_MAX] = value
  }
  get sndWnd(): number {
    return this.rows[this.base + SND_WND]!
  }
  set sndWnd(value: number) {
    this.rows[this.base + SND_WND] = value
  }
  get sndWl1(): number {
    return this.rows[this.base + SND_WL1]!
  }
  set sndWl1(value: number) {
    this.rows[this.base + SND_WL1] = value
  }
  get sndWl2(): number {
    return this.rows[this.base + SND_WL2]!
  }
  set sndWl2(value: number) {
    this.rows[this.base + SND_WL2] = value
  }
  get sndMss(): number {
    return this.rows[this.base + SND_MSS]!
  }
  set sndMss(value: number) {
    this.rows[this.base + SND_MSS] = value
  }
  get sndScale(): number {
    return this.rows[this.base + SND_SCALE]!
  }
  set sndScale(value: number) {
    this.rows[this.base + SND_SCALE] = value
  }
  get maxWnd(): number {
    return this.rows[this.base + MAX_WND]!
  }
  set maxWnd(value: number) {
    this.rows[this.base + MAX_WND] = value
  }
  get srtt(): number {
    return this.rows[this.base + SRTT]!
  }
  set srtt(value: number) {
    this.rows[this.base + SRTT] = value
  }
  get rttvar(): number {
    return this.rows[this.base + RTTVAR]!
  }
  set rttvar(value: number) {
    this.rows[this.base + RTTVAR] = value
  }
  get rto(): number {
    return this.rows[this.base + RTO]!
  }
  set rto(value: number) {
    this.rows[this.base + RTO] = value
  }
  get minRtt(): number {
    return this.rows[this.base + MIN_RTT]!
  }
  set minRtt(value: number) {
    this.rows[this.base + MIN_RTT] = value
  }
  get rttSeq(): number {
    return this.rows[this.base + RTT_SEQ]!
  }
  set rttSeq(value: number) {
    this.rows[this.base + RTT_SEQ] = value
  }
  get rttSent(): number {
    return this.rows[this.base + RTT_SENT]!
  }
  set rttSent(value: number) {
    this.rows[this.base + RTT_SENT] = value
  }
  get backoff(): number {
    return this.rows[this.base + BACKOFF]!
  }
  set backoff(value: number) {
    this.rows[this.base + BACKOFF] = value
  }
  get retried(): number {
    return this.rows[this.base + RETRIED]!
  }
  set retried(value: number) {
    this.rows[this.base + RETRIED] = value
  }
  get timerMode(): number {
    return this.rows[this.base + TIMER_MODE]!
  }
  set timerMode(value: number) {
    this.rows[this.base + TIMER_MODE] = value
  }
  get cwnd(): number {
    return this.rows[this.base + CWND]!
  }
  set cwnd(value: number) {
    this.rows[this.base + CWND] = value
  }
  get ssthresh(): number {
    return this.rows[this.base + SSTHRESH]!
  }
  set ssthresh(value: number) {
    this.rows[this.base + SSTHRESH] = value
  }
  get dupAcks(): number {
    return this.rows[this.base + DUP_ACKS]!
  }
  set dupAcks(value: number) {
    this.rows[this.base + DUP_ACKS] = value
  }
  get recover(): number {
    return this.rows[this.base + RECOVER]!
  }
  set recover(value: number) {
    this.rows[this.base + RECOVER] = value
  }
  get sackedCount(): number {
    return this.rows[this.base + SACKED_COUNT]!
  }
  set sackedCount(value: number) {
    this.rows[this.base + SACKED_COUNT] = value
  }
  get reorderSteps(): number {
    return this.rows[this.base + REORDER_STEPS]!
  }
  set reorderSteps(value: number) {
    this.rows[this.base + REORDER_STEPS] = value
  }
  get prrDelivered(): number {
    return this.rows[this.base + PRR_DELIVERED]!
  }
  set prrDelivered(value: number) {
    this.rows[this.base + PRR_DELIVERED] = value
  }
  get prrOut(): number {
    return this.rows[this.base + PRR_OUT]!
  }
  set prrOut(value: number) {
    this.rows[this.base + PRR_OUT] = value
  }
  get recoverFs(): number {
    return this.rows[this.base + RECOVER_FS]!
  }
  set recoverFs(value: number) {
    this.rows[this.base + RECOVER_FS] = value
  }
  get wMax(): number {
    return this.rows[this.base + W_MAX]!
  }
  set wMax(value: number) {
    this.rows[this.base + W_MAX] = value
  }
  get cubicK(): number {
    return this.rows[this.base + CUBIC_K]!
  }
  set cubicK(value: number) {
    this.rows[this.base + CUBIC_K] = value
  }
  get epoch(): number {
    return this.rows[this.base + EPOCH]!
  }
  set epoch(value: number) {
    this.rows[this.base + EPOCH] = value
  }
  get wEst(): number {
    return this.rows[this.base + W_EST]!
  }
  set wEst(value: number) {
    this.rows[this.base + W_EST] = value
  }
  get priorCwnd(): number {
    return this.rows[this.base + PRIOR_CWND]!
  }
  set priorCwnd(value: number) {
    this.rows[this.base + PRIOR_CWND] = value
  }
  get priorSsthresh(): number {
    return this.rows[this.base + PRIOR_SSTHRESH]!
  }
  set priorSsthresh(value: number) {
    this.rows[this.base + PRIOR_SSTHRESH] = value
  }
  get cwndPrior(): number {
    return this.rows[this.base + CWND_PRIOR]!
  }
  set cwndPrior(value: number) {
    this.rows[this.base + CWND_PRIOR] = value
  }
  get undoStamp(): number {
    return this.rows[this.base + UNDO_STAMP]!
  }
  set undoStamp(value: number) {
    this.rows[this.base + UNDO_STAMP] = value
  }
  get tailEnd(): number {
    return this.rows[this.base + TAIL_END]!
  }
  set tailEnd(value: number) {
    this.rows[this.base + TAIL_END] = value
  }
  get tailStamp(): number {
    return this.rows[this.base + TAIL_STAMP]!
  }
  set tailStamp(value: number) {
    this.rows[this.base + TAIL_STAMP] = value
  }
  get sndUp(): number {
    return this.rows[this.base + SND_UP]!
  }
  set sndUp(value: number) {
    this.rows[this.base + SND_UP] = value
  }
  get tailWait(): number {
    return this.rows[this.base + TAIL_WAIT]!
  }
  set tailWait(value: number) {
    this.rows[this.base + TAIL_WAIT] = value
  }
  get lastSent(): number {
    return this.rows[this.base + LAST_SENT]!
  }
  set lastSent(value: number) {
    this.rows[this.base + LAST_SENT] = value
  }
  get flightSize(): number {
    return this.rows[this.base + FLIGHT_SIZE]!
  }
  set flightSize(value: number) {
    this.rows[this.base + FLIGHT_SIZE] = value
  }
}
