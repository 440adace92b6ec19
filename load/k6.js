// The load of bench/gateway's --soak, for k6 (https://grafana.com/docs/k6): POST /execute at 50 requests a second for ten minutes,
// then more and more of them. k6 is no dependency of Reeve; nothing here is run by its tests.
//
//   REEVE_API_KEY=rv_a_key_for_the_load REEVE_RATE_LIMIT=9999999/s npm start
//   k6 run -e REEVE_API_KEY=rv_a_key_for_the_load load/k6.js
//
// With -e, too: REEVE_URL (http://127.0.0.1:8080), RATE (50 requests a second), MINUTES (10), TASK (Hello.), MOST (the rate that the
// ramp ends at, 0 for no ramp; 500), P95_MS (100). Tasks go to the model that the server is set up with: the built-in one is free,
// any other costs money for each request. Without a larger REEVE_RATE_LIMIT a key has 600 requests a minute, which is too few.
//
// k6 ends with code 99 where a threshold is missed. The thresholds are for the steady load: the ramp is there to find the rate at
// which they are missed, and is told of by itself (http_req_duration{scenario:ramp}).
import http from 'k6/http';
import { check } from 'k6';

const url = __ENV.REEVE_URL || 'http://127.0.0.1:8080';
const rate = Number(__ENV.RATE || 50);
const minutes = Number(__ENV.MINUTES || 10);
const most = Number(__ENV.MOST || 500);
const p95Ms = Number(__ENV.P95_MS || 100);
const body = JSON.stringify({ task: __ENV.TASK || 'Hello.' });
const headers = { 'content-type': 'application/json' };
if (__ENV.REEVE_API_KEY) headers.authorization = `Bearer ${__ENV.REEVE_API_KEY}`;

const steady = {
  exec: 'ask',
  executor: 'constant-arrival-rate',
  rate,
  timeUnit: '1s',
  duration: `${minutes * 60}s`,
  preAllocatedVUs: rate,
  maxVUs: 10 * rate,
};
const ramp = {
  exec: 'ask',
  executor: 'ramping-arrival-rate',
  startTime: `${minutes * 60 + 10}s`,
  startRate: rate,
  timeUnit: '1s',
  stages: [{ target: most, duration: '2m' }],
  preAllocatedVUs: most,
  maxVUs: 2 * most,
};

export const options = {
  scenarios: most > 0 ? { steady, ramp } : { steady },
  summaryTrendStats: ['min', 'med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    'http_req_duration{scenario:steady}': [`p(95)<=${p95Ms}`],
    'http_req_failed{scenario:steady}': ['rate==0'],
    'checks{scenario:steady}': ['rate==1'],
    // Requests that k6 could not send in time, since all earlier ones were waiting.
    'dropped_iterations{scenario:steady}': ['count==0'],
    // Never missed: without a threshold k6 does not tell of the ramp by itself.
    ...(most > 0 && {
      'http_req_duration{scenario:ramp}': ['p(95)>=0'],
      'http_req_failed{scenario:ramp}': ['rate>=0'],
    }),
  },
};

export function ask() {
  const answer = http.post(`${url}/execute`, body, { headers });
  check(answer, {
    'answered with 200': ({ status }) => status === 200,
    'the run completed': ({ status, body: text }) => status === 200 && JSON.parse(text).status === 'completed',
  });
}
