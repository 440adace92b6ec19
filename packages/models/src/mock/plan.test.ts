import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PREVIOUS_RESULT } from './call.ts';
import { planCalls } from './plan.ts';

type Expected = readonly (readonly [tool: string, ...values: unknown[]])[];
const plan = (text: string) => planCalls(text).map(({ tool, input }) => [tool, ...Object.values(input)]);
const js = (code: string): Expected => [['run_code', 'javascript', code]];
const sh = (command: string): Expected => [['bash_execute', command]];
const sum = (expression: string): Expected => [['calculator', expression]];

const CASES: Readonly<Record<string, readonly (readonly [request: string, expected: Expected])[]>> = {
  arithmetic: [
    ['what is 12*(3+4)?', sum('12 * (3 + 4)')],
    ['calculate 2^10 / 3', sum('2 ^ 10 / 3')],
    ['calculate 2**10 × 3', sum('2 ^ 10 * 3')],
    ['add 5 and 7', sum('5 + 7')],
    ['15% of 80', sum('(15 / 100) * 80')],
    ['What is the sum of 1, 2 and 3?', sum('1 + 2 + 3')],
    ['average of 2, 4 and 6', sum('(2 + 4 + 6) / 3')],
    ['subtract 3 from 10', sum('10 - 3')],
    ['multiply 3 by 4', sum('3 * 4')],
    ['how much is 1,000 + 2.5', sum('1000 + 2.5')],
    ['what is the square root of 16?', sum('sqrt(16)')],
    ['what is 3 squared?', sum('3 ^ 2')],
    ['what is -5 + 3', sum('-5 + 3')],
    ['5 + 5 = ?', sum('5 + 5')],
    ['what is 7 x 8?', sum('7 * 8')],
    ['Hello Reeve, could you please calculate 3*4 for me?', sum('3 * 4')],
    ['use the calculator to compute 5*5', sum('5 * 5')],
    ['My name is Ada. What is 2+2?', sum('2 + 2')],
    ['what is 24/7 support?', []],
    ['what is 2024-01-02?', []],
    ['What is 1984?', []],
    ['what is 200 + 10%?', []],
  ],
  code: [
    ['run this: let a = 1; a + 2', js('let a = 1; a + 2')],
    ['Please run this:\n```js\n1 + 1\n```', js('1 + 1')],
    ['run ```1+1```', js('1+1')],
    [`${'context '.repeat(60)}\n\`\`\`\n7\n\`\`\``, js('7')],
    ['```bash\nls -la && echo hi\n```', sh('ls -la && echo hi')],
    ['run this command: ls | wc -l', sh('ls | wc -l')],
    ['run the command `ls -la`', sh('ls -la')],
    ['run this command:\n```\nls\n```', sh('ls')],
    ['```js\n1\n```\n```sh\nls\n```', [...js('1'), ...sh('ls')]],
    ['calculate 2+2\n```js\n1\n```', [...sum('2 + 2'), ...js('1')]],
    ['```python\nprint(1)\n```', []],
    ['explain this code:\n```js\n1\n```', []],
  ],
  knowledge: [
    ['remember that my cat is called Tom', [['remember', 'my cat is called Tom']]],
    ['remember: buy milk, eggs and bread', [['remember', 'buy milk, eggs and bread']]],
    ['Please remember that 2+2 is 4', [['remember', '2+2 is 4']]],
    ['what do you know about cats?', [['recall', 'cats']]],
    ['what did I tell you about the project?', [['recall', 'the project']]],
    ['recall my favorite color', [['recall', 'my favorite color']]],
  ],
  files: [
    ['write file a.txt with content hi', [['write_file', 'a.txt', 'hi']]],
    ['write file a.txt with content first do this, then that', [['write_file', 'a.txt', 'first do this, then that']]],
    [
      'create a file notes.md containing:\n# Title\n\n- one\n- two',
      [['write_file', 'notes.md', '# Title\n\n- one\n- two']],
    ],
    ['save hello world to out/b.txt', [['write_file', 'out/b.txt', 'hello world']]],
    ['write "a and read b.txt" to c.txt', [['write_file', 'c.txt', 'a and read b.txt']]],
    ['create an empty file x.log', [['write_file', 'x.log', '']]],
    ['create a file z.json with content:\n```json\n{"a":1}\n```', [['write_file', 'z.json', '{"a":1}']]],
    ['read the file a.txt', [['read_file', 'a.txt']]],
    ['show me a.txt', [['read_file', 'a.txt']]],
    ['what is in src/x.ts?', [['read_file', 'src/x.ts']]],
    ['read a book', []],
    ['write a poem', []],
    ['replace foo with bar in a.txt', [['edit_file', 'a.txt', 'foo', 'bar']]],
    ['replace "a in b" with "c with d" in the file notes/x.md.', [['edit_file', 'notes/x.md', 'a in b', 'c with d']]],
    ['in a.txt replace x with y', [['edit_file', 'a.txt', 'x', 'y']]],
    ['list files', [['glob_files', '**/*']]],
    ['list files matching *.md', [['glob_files', '*.md']]],
    ['which files are there?', [['glob_files', '**/*']]],
    ['list files in src', [['glob_files', 'src/**/*']]],
  ],
  web: [
    ['fetch https://example.com/a?b=c.', [['web_crawl', 'https://example.com/a?b=c']]],
    ['summarize the page at <https://example.com>', [['web_crawl', 'https://example.com']]],
    ['what do you think of https://example.com', []],
  ],
  lists: [
    [
      'create a todo list: buy milk, call Ada and pay',
      [['write_file', 'todo.md', '- [ ] buy milk\n- [ ] call Ada\n- [ ] pay\n']],
    ],
    ['make me a shopping list with milk and eggs', [['write_file', 'todo.md', '- [ ] milk\n- [ ] eggs\n']]],
    ['write a to-do list:\n1. one, two\n2. three', [['write_file', 'todo.md', '- [ ] one, two\n- [ ] three\n']]],
    ['create a todo list', []],
  ],
  time: [
    ['what time is it?', [['current_time']]],
    ['What is the date today?', [['current_time']]],
    ['what is the time in New York?', [['current_time', 'America/New_York']]],
    ['current time in Europe/Paris', [['current_time', 'Europe/Paris']]],
    ['what time is it in Bern', [['current_time']]],
    ['what is the time complexity of quicksort?', []],
  ],
  sequences: [
    [
      'calculate 2+3 and then write file a.txt with content hi then read a.txt',
      [
        ['calculator', '2 + 3'],
        ['write_file', 'a.txt', 'hi'],
        ['read_file', 'a.txt'],
      ],
    ],
    [
      '1. calculate 2+3\n2. write file "my notes.md" containing hello world; and more\n3. list files matching *.md\n4. what time is it in Tokyo?',
      [
        ['calculator', '2 + 3'],
        ['write_file', 'my notes.md', 'hello world; and more'],
        ['glob_files', '*.md'],
        ['current_time', 'Asia/Tokyo'],
      ],
    ],
    [
      'Calculate 1+1, then calculate 2+2, and finally calculate 3+3.',
      [...sum('1 + 1'), ...sum('2 + 2'), ...sum('3 + 3')],
    ],
    [
      'Divide 10 by 4; read a.txt',
      [
        ['calculator', '10 / 4'],
        ['read_file', 'a.txt'],
      ],
    ],
    [
      'remember that my cat is called Tom and calculate 3*3',
      [
        ['remember', 'my cat is called Tom'],
        ['calculator', '3 * 3'],
      ],
    ],
    [
      'calculate 6*7 and write the result to answer.txt then read it',
      [
        ['calculator', '6 * 7'],
        ['write_file', 'answer.txt', PREVIOUS_RESULT],
        ['read_file', 'answer.txt'],
      ],
    ],
  ],
};

for (const [name, cases] of Object.entries(CASES)) {
  describe(`the plan for ${name}`, () => {
    for (const [request, expected] of cases) {
      it(`reads ${JSON.stringify(request.slice(0, 120))}`, () => assert.deepEqual(plan(request), expected));
    }
  });
}

it('plans 64 calls at most', () => {
  assert.equal(planCalls('calculate 1+1\n'.repeat(1_000)).length, 64);
});
