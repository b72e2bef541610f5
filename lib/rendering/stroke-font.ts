import { escapeXml, type TextStyle } from './svg.js'

// A slim container has no fonts, and text would come out as boxes; these letters of single lines are used there.
// The Hershey Fonts were originally created by Dr. A. V. Hershey while working at the U. S. National Bureau of
// Standards. The format of the font data was originally created by James Hurt, Cognition, Inc.
// One string for each character from space to ~: its left and right side, then the points of its lines; ' R' lifts the
// pen. Each number is a character, counted from R.
const glyphs = [
  'JZ',
  'MWRFRT RRYQZR[SZRY',
  'JZNFNM RVFVM',
  'H]SBLb RYBRb RLOZO RKUYU',
  'H\\PBP_ RTBT_ RYIWGTFPFMGKIKKLMMNOOUQWRXSYUYXWZT[P[MZKX',
  'F^[FI[ RNFPHPJOLMMKMIKIIJGLFNFPGSHVHYG[F RWTUUTWTYV[X[ZZ[X[VYTWT',
  'E_\\O\\N[MZMYNXPVUTXRZP[L[JZIYHWHUISJRQNRMSKSIRGPFNGMIMKNNPQUXWZY[[[\\Z\\Y',
  'MWRHQGRFSGSIRKQL',
  'KYVBTDRGPKOPOTPYR]T`Vb',
  'KYNBPDRGTKUPUTTYR]P`Nb',
  'JZRLRX RMOWU RWOMU',
  'E_RIR[ RIR[R',
  'NVSWRXQWRVSWSYQ[',
  'E_IR[R',
  'NVRVQWRXSWRV',
  'G][BIb',
  'H\\QFNGLJKOKRLWNZQ[S[VZXWYRYOXJVGSFQF',
  'H\\NJPISFS[',
  'H\\LKLJMHNGPFTFVGWHXJXLWNUQK[Y[',
  'H\\MFXFRNUNWOXPYSYUXXVZS[P[MZLYKW',
  'H\\UFKTZT RUFU[',
  'H\\WFMFLOMNPMSMVNXPYSYUXXVZS[P[MZLYKW',
  'H\\XIWGTFRFOGMJLOLTMXOZR[S[VZXXYUYTXQVOSNRNOOMQLT',
  'H\\YFO[ RKFYF',
  'H\\PFMGLILKMMONSOVPXRYTYWXYWZT[P[MZLYKWKTLRNPQOUNWMXKXIWGTFPF',
  'H\\XMWPURRSQSNRLPKMKLLINGQFRFUGWIXMXRWWUZR[P[MZLX',
  'NVROQPRQSPRO RRVQWRXSWRV',
  'NVROQPRQSPRO RSWRXQWRVSWSYQ[',
  'F^ZIJRZ[',
  'E_IO[O RIU[U',
  'F^JIZRJ[',
  'I[LKLJMHNGPFTFVGWHXJXLWNVORQRT RRYQZR[SZRY',
  'E`WNVLTKQKOLNMMPMSNUPVSVUUVS RQKOMNPNSOUPV RWKVSVUXVZV\\T]Q]O\\L[JYHWGTFQFNGLHJJILHOHRIUJWLYNZQ[T[WZYYZX RXKWSWUXV',
  'I[RFJ[ RRFZ[ RMTWT',
  'G\\KFK[ RKFTFWGXHYJYLXNWOTP RKPTPWQXRYTYWXYWZT[K[',
  'H]ZKYIWGUFQFOGMILKKNKSLVMXOZQ[U[WZYXZV',
  'G\\KFK[ RKFRFUGWIXKYNYSXVWXUZR[K[',
  'H[LFL[ RLFYF RLPTP RL[Y[',
  'HZLFL[ RLFYF RLPTP',
  'H]ZKYIWGUFQFOGMILKKNKSLVMXOZQ[U[WZYXZVZS RUSZS',
  'G]KFK[ RYFY[ RKPYP',
  'NVRFR[',
  'JZVFVVUYTZR[P[NZMYLVLT',
  'G\\KFK[ RYFKT RPOY[',
  'HYLFL[ RL[X[',
  'F^JFJ[ RJFR[ RZFR[ RZFZ[',
  'G]KFK[ RKFY[ RYFY[',
  'G]PFNGLIKKJNJSKVLXNZP[T[VZXXYVZSZNYKXIVGTFPF',
  'G\\KFK[ RKFTFWGXHYJYMXOWPTQKQ',
  'G]PFNGLIKKJNJSKVLXNZP[T[VZXXYVZSZNYKXIVGTFPF RSWY]',
  'G\\KFK[ RKFTFWGXHYJYLXNWOTPKP RRPY[',
  'H\\YIWGTFPFMGKIKKLMMNOOUQWRXSYUYXWZT[P[MZKX',
  'JZRFR[ RKFYF',
  'G]KFKULXNZQ[S[VZXXYUYF',
  'I[JFR[ RZFR[',
  'F^HFM[ RRFM[ RRFW[ R\\FW[',
  'H\\KFY[ RYFK[',
  'I[JFRPR[ RZFRP',
  'H\\YFK[ RKFYF RK[Y[',
  'KYOBOb RPBPb ROBVB RObVb',
  'KYKFY^',
  'KYTBTb RUBUb RNBUB RNbUb',
  'JZRDJR RRDZR',
  'I[Ib[b',
  'NVSKQMQORPSORNQO',
  'I\\XMX[ RXPVNTMQMONMPLSLUMXOZQ[T[VZXX',
  'H[LFL[ RLPNNPMSMUNWPXSXUWXUZS[P[NZLX',
  'I[XPVNTMQMONMPLSLUMXOZQ[T[VZXX',
  'I\\XFX[ RXPVNTMQMONMPLSLUMXOZQ[T[VZXX',
  'I[LSXSXQWOVNTMQMONMPLSLUMXOZQ[T[VZXX',
  'MYWFUFSGRJR[ ROMVM',
  'I\\XMX]W`VaTbQbOa RXPVNTMQMONMPLSLUMXOZQ[T[VZXX',
  'I\\MFM[ RMQPNRMUMWNXQX[',
  'NVQFRGSFREQF RRMR[',
  'MWRFSGTFSERF RSMS^RaPbNb',
  'IZMFM[ RWMMW RQSX[',
  'NVRFR[',
  'CaGMG[ RGQJNLMOMQNRQR[ RRQUNWMZM\\N]Q][',
  'I\\MMM[ RMQPNRMUMWNXQX[',
  'I\\QMONMPLSLUMXOZQ[T[VZXXYUYSXPVNTMQM',
  'H[LMLb RLPNNPMSMUNWPXSXUWXUZS[P[NZLX',
  'I\\XMXb RXPVNTMQMONMPLSLUMXOZQ[T[VZXX',
  'KXOMO[ ROSPPRNTMWM',
  'J[XPWNTMQMNNMPNRPSUTWUXWXXWZT[Q[NZMX',
  'MYRFRWSZU[W[ ROMVM',
  'I\\MMMWNZP[S[UZXW RXMX[',
  'JZLMR[ RXMR[',
  'G]JMN[ RRMN[ RRMV[ RZMV[',
  'J[MMX[ RXMM[',
  'JZLMR[ RXMR[P_NaLbKb',
  'J[XMM[ RMMXM RM[X[',
  'KYTBRCQDPFPHQJRKSMSOQQ RRCQEQGRISJTLTNSPORSTTVTXSZR[Q]Q_Ra RQSSUSWRYQZP\\P^Q`RaTb',
  'NVRBRb',
  'KYPBRCSDTFTHSJRKQMQOSQ RRCSESGRIQJPLPNQPURQTPVPXQZR[S]S_Ra RSSQUQWRYSZT\\T^S`RaPb',
  'F^IUISJPLONOPPTSVTXTZS[Q RISJQLPNPPQTTVUXUZT[Q[O',
]

const capital = 21
const baseLine = 9

/** A line of text drawn as lines, in place of {@link text}. Characters beyond ASCII become `?`. */
export function strokedText(content: string, x: number, y: number, style: TextStyle): string {
  const { size, anchor = 'start', weight = 400, color = '#333', turn = 0 } = style
  const scale = (size * 0.72) / capital
  const letters = layOut(content)
  const shift = { start: 0, middle: -letters.width / 2, end: -letters.width }[anchor]
  return (
    `<path d="${letters.path}" fill="none" stroke="${escapeXml(color)}" stroke-width="${weight === 600 ? 2.6 : 1.8}" ` +
    'stroke-linecap="round" stroke-linejoin="round" ' +
    `transform="translate(${x} ${y}) rotate(${turn}) scale(${scale}) translate(${shift} ${-baseLine})"/>`
  )
}

function layOut(content: string): { path: string; width: number } {
  let path = ''
  let width = 0
  for (const character of content) {
    const glyph = glyphs[character.charCodeAt(0) - 32] ?? glyphs[31]!
    const left = number(glyph, 0)
    path += outline(glyph, width - left)
    width += number(glyph, 1) - left
  }
  return { path, width }
}

function outline(glyph: string, offset: number): string {
  let path = ''
  let pen = 'M'
  for (let i = 2; i < glyph.length; i += 2) {
    if (glyph.startsWith(' R', i)) pen = 'M'
    else {
      path += `${pen}${number(glyph, i) + offset} ${number(glyph, i + 1)}`
      pen = 'L'
    }
  }
  return path
}

function number(glyph: string, at: number): number {
  return glyph.charCodeAt(at) - 'R'.charCodeAt(0)
}
