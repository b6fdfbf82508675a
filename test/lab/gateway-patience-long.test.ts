/** The same as gateway-patience.test.ts with round trips after which a client has sent its SYN two and three times. */
import { describeRoundTrips, usePatienceLab } from './support/patience-lab.js';

usePatienceLab();
describeRoundTrips(2200, 3000);
