// Reads what `npm audit --json` said, on standard input. Fails where it names a vulnerability that is high or critical; a
// registry that does not answer audits, as many mirrors do not, is said and is no failure.
import { text } from 'node:stream/consumers';

const said = await text(process.stdin);
let report;
try {
  report = JSON.parse(said);
} catch {
  report = {};
}
const found = report.metadata?.vulnerabilities;
if (found === undefined) {
  console.log(`not audited: ${report.message ?? 'the registry gave no report'}`);
} else {
  const { info = 0, low = 0, moderate = 0, high = 0, critical = 0 } = found;
  console.log(`audited: ${critical} critical, ${high} high, ${moderate} moderate, ${low} low, ${info} for information`);
  for (const { name, severity, range } of Object.values(report.vulnerabilities ?? {}))
    console.log(`  ${severity}: ${name} ${range}`);
  if (high + critical > 0) process.exitCode = 1;
}
