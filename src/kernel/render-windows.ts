/** Windows of connections whose client was shown another scale than its server's: translated on their way. Pure. */
import { MOST_SHIFT, type WindowShifts, windowLabel } from '../wire/netlink/window-labels.js';
import type { DesiredState } from './desired.js';
import { opensAny } from './render-opened.js';

/** IPS_SEQ_ADJUST (include/uapi/linux/netfilter/nf_conntrack_common.h): its numbers are translated, and its windows may be. */
const TRANSLATED = 'ct status and 0x00000040 != 0';

/** First in `forward`, or where packets pass that are the gateway's own. `match`: which of them. */
export function toWindows(state: DesiredState, match = ''): string[] {
  return opensAny(state) ? [`${match}meta l4proto tcp ${TRANSLATED} jump windows`] : [];
}

export function windowChains(state: DesiredState): [string, string[]][] {
  if (!opensAny(state)) return [];
  return [
    [
      'windows',
      [
        'ct direction reply goto windows_reply',
        'ct direction original goto windows_original',
        // No packet comes here. Before Linux 6.14 entries have room for labels where a rule sets one, not where one looks for one.
        `ct label set ${windowLabel('original', 1)}`,
      ],
    ],
    ['windows_reply', shifts('reply')],
    ['windows_original', shifts('original')],
  ];
}

/** What a field cannot hold is the most that it can. */
function shifts(direction: keyof WindowShifts): string[] {
  const rules: string[] = [];
  for (let shift = 1; shift <= MOST_SHIFT; shift++) {
    const [left, right] = [windowLabel(direction, shift), windowLabel(direction, -shift)];
    rules.push(
      `ct label ${left} tcp window > ${0xffff >>> shift} tcp window set 65535 return`,
      `ct label ${left} tcp window set tcp window << ${shift} return`,
      `ct label ${right} tcp window set tcp window >> ${shift} return`,
    );
  }
  return rules;
}
