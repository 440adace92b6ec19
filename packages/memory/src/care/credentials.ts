/** The position of a match of a rule, in UTF-16 units. */
export interface Finding {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
}

/** Patterns of credentials. Repetitions are bounded, so matching is fast; group 1 is the secret, else the whole match. */
const FORMS: readonly (readonly [rule: string, form: RegExp])[] = [
  [
    'private_key',
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[\s\S]{0,20000})/g,
  ],
  // OpenAI, Anthropic, OpenRouter and others; Stripe.
  ['api_key', /(?<![A-Za-z0-9])(?:sk|pk|rk)[-_](?=[\w-]{0,200}\d)[A-Za-z0-9][\w-]{15,300}/g],
  // AWS, Google (keys, tokens), GitHub, GitLab, Slack.
  ['api_key', /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/g],
  ['api_key', /(?<![A-Za-z0-9])(?:AIza[\w-]{30,60}|ya29\.[\w-]{20,500}|GOCSPX-[\w-]{20,60})/g],
  ['api_key', /(?<![A-Za-z0-9])(?:gh[oprsu]_[A-Za-z0-9]{30,260}|github_pat_\w{30,260}|glpat-[\w-]{18,100})/g],
  ['api_key', /(?<![A-Za-z0-9])(?:xox[a-z]-[\w-]{10,300}|xapp-[\w-]{10,300})/g],
  ['api_key', /hooks\.slack\.com\/services\/([\w/]{20,200})/g],
  // Hugging Face, npm, PyPI, SendGrid, Groq, xAI, Replicate, Perplexity, Tavily, DigitalOcean, webhooks, Telegram, Reeve itself.
  [
    'api_key',
    /(?<![A-Za-z0-9])(?:(?:hf|npm|gsk|r8)_[A-Za-z0-9]{24,200}|(?:xai|pplx|tvly)-[\w-]{20,200}|pypi-[\w-]{40,300}|dop_v1_[a-f0-9]{40,80}|whsec_[\w+/=-]{20,200}|rv_\w{16,200})/g,
  ],
  ['api_key', /(?<![A-Za-z0-9])SG\.[\w-]{16,64}\.[\w-]{16,64}/g],
  ['api_key', /(?<!\d)\d{8,10}:AA[\w-]{32,40}(?![\w-])/g],
  ['api_key', /AccountKey=([A-Za-z0-9+/=]{40,120})/g],
  // A JSON Web Token.
  ['bearer_token', /(?<![A-Za-z0-9])eyJ[\w-]{8,1000}\.[\w-]{8,8000}\.[\w-]{0,2000}/g],
  ['bearer_token', /\b(?:bearer|basic)\s{1,3}(?=[\w.~+/=-]{0,100}[\d=])([\w.~+/=-]{12,4000})/gi],
  [
    'bearer_token',
    /\bauthorization["']?\s{0,3}[:=]\s{0,3}["']?(?:(?:bearer|basic|digest|token|api-?key|negotiate|aws4-hmac-sha256) {1,3})?(?!\*\*\*)([^\s"']{8,4000})/gi,
  ],
  // A user and a password in an address; a password may hold an @.
  ['url_password', /:\/\/[^\s:/@"'\\]{0,200}:(?!\*\*\*@)([^\s"'<>/]{1,256})@/g],
];

const NAMES =
  'pass(?:word|wd|phrase|code)|pwd|passwort|kennwort|contraseña|senha|mot de passe|api[-_ ]?key|(?:access|secret|private|signing|encryption)[-_ ]?key|client[-_ ]?secret|(?:access|refresh|auth|bearer|session|api)[-_ ]?token';
/** A placeholder for a secret, or a masked one. */
const NO_VALUE = String.raw`(?!\*\*\*|<|\$|\{\{|\[|%[A-Z])`;

const NAMED: readonly RegExp[] = [
  // `password: …`, `API_KEY=…`, `"client_secret": "…"`; in quotes with spaces.
  new RegExp(String.raw`(?:${NAMES})s?["']?\s{0,3}[:=]{1,2}\s{0,3}"${NO_VALUE}([^"\n]{3,500})"`, 'giu'),
  new RegExp(String.raw`(?:${NAMES})s?["']?\s{0,3}[:=]{1,2}\s{0,3}'${NO_VALUE}([^'\n]{3,500})'`, 'giu'),
  new RegExp(String.raw`passphrase\s{0,3}[:=]\s{0,3}(?=[^\s"'])${NO_VALUE}([^\n]{3,500})`, 'giu'),
  new RegExp(String.raw`(?:${NAMES})s?["']?\s{0,3}[:=]{1,2}\s{0,3}["']?${NO_VALUE}([^\s"']{3,500})`, 'giu'),
  // `the password for the router is …`, where it looks like one.
  new RegExp(
    String.raw`(?:${NAMES})(?: (?:for|of|to) [^\s]{1,60}(?: [^\s]{1,60})?)? is:? ["']?${NO_VALUE}(?=[^\s"']{0,80}[\d!#$%^&*_~])([^\s"']{4,200})`,
    'giu',
  ),
];

/** Credentials in a text: keys of providers, private keys, bearer tokens, passwords after their name or in an address. */
export function findCredentials(text: string): Finding[] {
  const forms = [...FORMS, ...NAMED.map((form): [string, RegExp] => ['password', form])];
  return forms.flatMap(([rule, form]) =>
    [...text.matchAll(form)].map((match) => {
      const { 0: whole, 1: secret = whole, index } = match;
      const start = index + whole.lastIndexOf(secret);
      return { rule, start, end: start + secret.length };
    }),
  );
}
