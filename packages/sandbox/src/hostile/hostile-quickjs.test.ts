import assert from 'node:assert/strict';
import { describeHostile } from '../../test/hostile-conformance.ts';

describeHostile('hostile JavaScript in QuickJS', 'javascript', [
  // Ways to the host.
  {
    tries: 'the constructors of functions, generators and promises',
    code: `
const found = [];
for (const make of [
  () => this.constructor.constructor('return process')(),
  () => console.log.constructor('return process')(),
  () => (async () => {}).constructor('return process')(),
  () => (function* () {}).constructor('return process')().next().value,
  () => Function.prototype.constructor('return globalThis.process.env')(),
  () => [].constructor.constructor('return require')()('node:fs'),
  () => Reflect.construct(Function, ['return process.binding'])(),
  () => (0, eval)('process.env'),
  () => new (Object.getPrototypeOf(console.log).constructor)('return import.meta')(),
]) {
  try { found.push(String(make())); } catch (error) { found.push(error.name); }
}
found.join()`,
    ends: 'success',
    says: /"(?:ReferenceError|SyntaxError|TypeError|\[object Promise\]|,)+"/,
  },
  {
    tries: 'to import modules of Node',
    code: 'import("node:fs").then((fs) => fs.readFileSync("/etc/passwd", "utf8"))',
    ends: 'error',
  },
  { tries: 'an import at the top', code: 'import fs from "node:fs"; fs.readdirSync("/")', ends: 'error' },
  {
    tries: 'the environment, files and names of the host',
    code: `JSON.stringify(Object.getOwnPropertyNames(globalThis)) + JSON.stringify(globalThis) + typeof process + typeof require + typeof Deno + typeof std + typeof os + typeof scriptArgs + typeof env`,
    ends: 'success',
    says: /undefinedundefinedundefinedundefinedundefinedundefinedundefined/,
  },
  {
    tries: 'to reach the host through what console is given',
    code: `
const trap = new Proxy(function () {}, { get: (_, name) => { throw new Error('seen ' + String(name)); }, apply: (_, self) => self.constructor.constructor('return process')() });
for (const bait of [trap, { toJSON: trap }, { toString: trap }, Object.create(null), Object.create(trap), Symbol('s'), new Error('x', { cause: trap })])
  try { console.log(bait); } catch (error) { console.error(error.name); }
'END'`,
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to put its own functions in the place of those that make the result',
    code: `
JSON.stringify = () => '{"forged":'; Array.prototype.map = () => { throw 1; }; String.prototype.toString = () => 'x';
Object.prototype.toJSON = function () { return this; };
({ value: 1 })`,
    ends: ['success', 'error'],
  },
  // What comes back to the host.
  {
    tries: 'to pollute the prototypes of the host',
    code: 'const result = JSON.parse(\'{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}\'); Object.prototype.polluted = 1; result',
    ends: 'success',
    leaves: () => assert.equal(({} as { polluted?: number }).polluted, undefined),
  },
  {
    tries: 'a result that is nested too deeply',
    code: 'let deep = []; for (let i = 0; i < 5_000; i++) deep = [deep]; deep',
    ends: ['success', 'error'],
  },
  { tries: 'a result that holds itself', code: 'const loop = { a: [] }; loop.a.push(loop); loop', ends: 'success' },
  {
    tries: 'a result that is larger than its limit',
    code: '"x".repeat(5e6)',
    ends: 'success',
    leaves: (result) => assert.ok(result.truncated),
  },
  {
    tries: 'a result whose making never ends',
    code: '({ toJSON() { while (true) {} } })',
    timeoutMs: 500,
    ends: 'time',
  },
  {
    tries: 'a result that grows while it is made',
    code: 'const grows = { get a() { return { ...Object.getOwnPropertyDescriptors(grows), b: grows }; } }; new Proxy({}, { ownKeys: () => ["a"], getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: grows }) })',
    timeoutMs: 1_000,
    ends: ['success', 'error', 'time'],
  },
  { tries: 'a result of half characters', code: '"\\ud800\\udfff\\0".repeat(10)', ends: 'success' },
  {
    tries: 'errors that answer with more errors',
    code: 'throw { get name() { throw this; }, get message() { throw this; }, get stack() { throw this; }, toString() { throw this; } }',
    ends: 'error',
  },
  { tries: 'an error with a message without end', code: 'throw new Error("x".repeat(2e7))', ends: 'error' },
  // Time.
  { tries: 'an endless loop', code: 'while (true) {}', timeoutMs: 500, ends: 'time' },
  {
    tries: 'an endless loop that catches all',
    code: 'for (;;) try { for (;;); } catch {} finally { continue }',
    timeoutMs: 500,
    ends: 'time',
  },
  {
    tries: 'an endless loop of microtasks',
    code: '(async () => { for (;;) await 0; })()',
    timeoutMs: 500,
    ends: 'time',
  },
  { tries: 'to wait for ever', code: 'new Promise(() => {})', ends: 'error' },
  {
    tries: 'to block its thread',
    code: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
    timeoutMs: 500,
    ends: ['error', 'time'],
  },
  { tries: 'a loop inside of the engine', code: 'new Array(1e9) + ""', timeoutMs: 500, ends: 'time' },
  {
    tries: 'a sort that is never content',
    code: '[...Array(2e6).keys()].sort(() => Math.random() - 0.5); for (;;) [2, 1].sort()',
    timeoutMs: 700,
    ends: ['time', 'error'],
  },
  { tries: 'a bomb in a number', code: '(2n ** 1000000n) ** 100000n', timeoutMs: 700, ends: ['error', 'time'] },
  {
    tries: 'a bomb in a regular expression',
    code: '/(a+)+$/.test("a".repeat(50) + "b")',
    timeoutMs: 500,
    ends: 'time',
  },
  { tries: 'a bomb in JSON', code: 'JSON.parse("[".repeat(1e6))', ends: 'error' },
  // Memory and stack.
  {
    tries: 'a memory bomb of arrays',
    code: 'const held = []; for (;;) held.push(new Array(1000).fill(1))',
    ends: 'error',
  },
  { tries: 'a memory bomb of strings', code: 'let text = "x"; for (;;) text += text + text', ends: 'error' },
  {
    tries: 'a memory bomb of JSON',
    code: 'let a = [1]; for (let i = 0; i < 40; i++) a = [a, a]; JSON.stringify(a)',
    ends: ['error', 'time'],
    timeoutMs: 1_000,
  },
  { tries: 'one buffer of many gigabytes', code: 'new ArrayBuffer(2 ** 40)', ends: 'error' },
  { tries: 'a string of a gigabyte', code: '"x".repeat(2 ** 30 - 1).length', ends: 'error' },
  { tries: 'to go deeper for ever', code: 'const again = () => again() + 1; again()', ends: 'error' },
  {
    tries: 'to go deeper for ever inside of the engine',
    code: 'const at = { toString() { return [at] + ""; } }; try { at + "" } catch (e) { }; let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x',
    ends: ['error', 'success'],
  },
  // Output.
  {
    tries: 'a flood of output',
    code: 'for (;;) console.log("flood".repeat(1000))',
    timeoutMs: 800,
    ends: 'time',
    leaves: ({ truncated }) => assert.ok(truncated),
  },
  { tries: 'one line of many megabytes', code: 'console.log("x".repeat(3e7)); "END"', ends: 'success', says: /END/ },
]);
